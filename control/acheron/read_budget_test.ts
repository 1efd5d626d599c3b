import assert from "node:assert/strict";
import { ReadBudget } from "./read_budget.ts";

const MIB = 1024 * 1024;

class FakeSocket {
  bufferedBytes = 0;
  isOpen = true;
  #flushed: (() => void)[] = [];
  whenFlushed(action: () => void): void {
    this.#flushed.push(action);
  }
  flush(): void {
    this.bufferedBytes = 0;
    for (const action of this.#flushed.splice(0)) action();
  }
}

/** What has been let through so far. */
function taking(budget: ReadBudget, sizes: readonly number[], ownerOf: (index: number) => string = () => "") {
  const taken: { readonly index: number; readonly release: () => void }[] = [];
  for (const [index, size] of sizes.entries()) {
    budget.take(size, ownerOf(index)).then((release) => taken.push({ index, release }));
  }
  return taken;
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("ReadBudget lets so many bytes of reads begin, and the others as those have been answered", async () => {
  const taken = taking(new ReadBudget(new FakeSocket()), Array.from({ length: 5 }, () => 2 * MIB));
  await settled();
  assert.deepEqual(taken.map(({ index }) => index), [0, 1, 2]);
  taken[1]?.release();
  await settled();
  assert.deepEqual(taken.map(({ index }) => index), [0, 1, 2, 3]);
  taken[0]?.release();
  await settled();
  assert.equal(taken.length, 5);
});

Deno.test("ReadBudget waits for what is unread, and lets a large read through when nothing is", async () => {
  const socket = new FakeSocket();
  socket.bufferedBytes = 5 * MIB;
  const taken = taking(new ReadBudget(socket), [20 * MIB, 1]);
  await settled();
  assert.equal(taken.length, 0);
  socket.flush();
  await settled();
  assert.deepEqual(taken.map(({ index }) => index), [0]);
  taken[0]?.release();
  await settled();
  assert.deepEqual(taken.map(({ index }) => index), [0, 1]);
});

Deno.test("ReadBudget lets nodes that do not answer hold up no other, and bounds all of them together", async () => {
  const budget = new ReadBudget(new FakeSocket());
  const silent = taking(budget, Array.from({ length: 60 }, () => 1.4 * MIB), (index) => `node-${index % 12}`);
  await settled();
  // Four of each of the first, and one of each of the others.
  assert.ok(silent.length >= 33 && silent.length <= 46, `${silent.length} began`);
  assert.equal(new Set(silent.map(({ index }) => index % 12)).size, 12);
  const other = taking(budget, [1.4 * MIB, MIB], (index) => index === 0 ? "node-99" : "");
  await settled();
  assert.equal(other.length, 2);
});
