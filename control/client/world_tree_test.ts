import assert from "node:assert/strict";
import type { ControlConnection } from "./connection.ts";
import { WorldTree } from "./world_tree.ts";

type Answers = Readonly<Record<string, (members: Readonly<Record<string, unknown>>) => Record<string, unknown>>>;

/** The tree of a server that answers as it is told to. */
async function treeOf(answers: Answers) {
  const sent: [string, Readonly<Record<string, unknown>>][] = [];
  const connection = {
    message(name: string, members: Readonly<Record<string, unknown>>) {
      sent.push([name, members]);
      return Promise.resolve(answers[name]?.(members) ?? { qid: { path: 5, type: "file" } });
    },
  } as unknown as ControlConnection;
  return { tree: await WorldTree.over(connection), sent, names: () => sent.map(([name]) => name) };
}

Deno.test("WorldTree.list() refuses a name that is no single step of a path", async () => {
  for (const name of ["../../pwned.txt", "..", "/", "", "a\\b"]) {
    const entry = { id: 2, name, kind: "file", size: 0, mode: 0o100644, writable: false };
    const { tree } = await treeOf({
      t_walk: () => ({ qid: { path: 5, type: "dir" } }),
      t_read: () => ({ data_b64: btoa(`${JSON.stringify(entry)}\n`), n: 1, eof: true }),
    });
    await assert.rejects(tree.list("/x"), { code: "eio", message: /is not the name of a child/ });
  }
});

Deno.test("WorldTree.write() does not take a part of a write for the whole", async () => {
  const { tree } = await treeOf({ t_write: () => ({ n: 3 }) });
  await assert.rejects(tree.write("/x", "1234"), { code: "eio", message: /3 of 4 bytes/ });
  await assert.rejects(tree.append("/x", "1234"));
  assert.equal((await tree.write("/x", "123")).n, 3);
});

Deno.test("WorldTree.pour() touches nothing before the first piece is there", async () => {
  const { tree, names } = await treeOf({ t_write: () => ({ n: 1 }) });
  const before = names().length;
  async function* broken(): AsyncGenerator<Uint8Array> {
    await Promise.reject(new Error("no disk"));
    yield new Uint8Array(1);
  }
  await assert.rejects(tree.pour("/x", broken(), { create: true }), { message: "no disk" });
  assert.equal(names().length, before);
});
