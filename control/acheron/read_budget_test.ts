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
function taking(budget: ReadBudget, sizes: readonly number[]) {
  const taken: { readonly index: number; readonly release: () => void }[] = [];
  for (const [index, size] of sizes.entries()) {
    budget.take(size).then((release) => taken.push({ index, release }));
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
