import assert from "node:assert/strict";
import { HandleTable } from "./handles.ts";
import { SyntheticTree } from "./synthetic_tree.ts";
import type { OpenFile } from "./tree.ts";

const tree = (name: string) =>
  new SyntheticTree(
    { name, read_only: false, description: name, source_kind: "namespace", source_id: `service:${name}` },
    { uid: 0, gid: 0 },
  );

class CountedFile implements OpenFile {
  readonly readable = true;
  readonly writable: boolean;
  readonly generation = 1n;
  closed = 0;
  readonly #fails: boolean;

  constructor(fails = false, writable = false) {
    this.#fails = fails;
    this.writable = writable;
  }

  read(): Promise<never> {
    throw new Error("not asked for");
  }

  write(): Promise<never> {
    throw new Error("not asked for");
  }

  close(): Promise<void> {
    this.closed++;
    return this.#fails ? Promise.reject(new Error("disk on fire")) : Promise.resolve();
  }
}

function tableOf(limit = 10): { table: HandleTable; errors: unknown[] } {
  let last = 0n;
  const errors: unknown[] = [];
  const table = new HandleTable({ nextNumber: () => ++last, limit, onError: (error) => errors.push(error) });
  return { table, errors };
}

Deno.test("HandleTable closes a file once, after which its number means nothing", async () => {
  const { table } = tableOf();
  const file = new CountedFile();
  const number = table.add(tree("a"), file);
  assert.equal(table.get(number), file);
  await table.close(number);
  assert.equal(file.closed, 1);
  assert.throws(() => table.get(number), { errno: 9, message: "unknown handle" });
  await assert.rejects(table.close(number), { errno: 9 });
  assert.equal(file.closed, 1);
});

Deno.test("HandleTable frees the number of a file that cannot be closed, and says so to who closed it", async () => {
  const { table, errors } = tableOf();
  const number = table.add(tree("a"), new CountedFile(true));
  await assert.rejects(table.close(number), { message: "disk on fire" });
  assert.equal(table.size, 0);
  assert.deepEqual(errors, []);
});

Deno.test("HandleTable closes the file that was not used for the longest time when there are too many", () => {
  const { table } = tableOf(2);
  const [one, two, three] = [new CountedFile(), new CountedFile(), new CountedFile()];
  const first = table.add(tree("a"), one);
  const second = table.add(tree("a"), two);
  table.get(first);
  table.add(tree("a"), three);
  assert.deepEqual([one.closed, two.closed, three.closed], [0, 1, 0]);
  assert.throws(() => table.get(second), { errno: 9 });
});

Deno.test("HandleTable closes the files of one tree and leaves the others", () => {
  const { table } = tableOf();
  const [gone, stays] = [tree("gone"), tree("stays")];
  const [one, two] = [new CountedFile(), new CountedFile()];
  table.add(gone, one);
  table.add(stays, two);
  table.closeTree(gone);
  assert.deepEqual([one.closed, two.closed, table.size], [1, 0, 1]);
});

Deno.test("HandleTable closes every file when it ends, and those that come too late", async () => {
  const { table, errors } = tableOf();
  const [one, bad, late] = [new CountedFile(), new CountedFile(true), new CountedFile()];
  table.add(tree("a"), one);
  table.add(tree("a"), bad);
  table.closeAll();
  assert.throws(() => table.add(tree("a"), late), { errno: 9 });
  await Promise.resolve();
  assert.deepEqual([one.closed, bad.closed, late.closed], [1, 1, 1]);
  assert.deepEqual(errors.map(String), ["Error: disk on fire"]);
});

Deno.test("HandleTable never closes a file that is being written for another", () => {
  const { table } = tableOf(2);
  const [written, read, more, last] = [true, false, true, true].map((writable) => new CountedFile(false, writable));
  assert.ok(written && read && more && last);
  table.add(tree("a"), written);
  table.add(tree("a"), read);
  table.add(tree("a"), more);
  assert.deepEqual([written.closed, read.closed, more.closed], [0, 1, 0]);
  assert.throws(() => table.add(tree("a"), last), { errno: 11, message: "would block: 2 files are being written" });
  assert.deepEqual([written.closed, more.closed, last.closed], [0, 0, 1]);
});
