/**
 * Every message of the runtime channel with members that nobody would send by
 * accident, and paths that try to get out.
 *
 * @module
 */

import assert from "node:assert/strict";
import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { TreeScene } from "./tree_scene.ts";

const MESSAGES = [
  ..."t_version t_attach t_walk t_open t_read t_write t_stat t_clunk t_flush t_create t_remove t_rename t_fs_read t_no"
    .split(
      " ",
    ),
];

const strange = fc.oneof(
  fc.integer({ min: -2, max: 6 }),
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    -1,
    2 ** 32,
    2 ** 53,
    1e308,
    0.5,
    "",
    "..",
    "r",
    "w",
    "rw",
    "x".repeat(3_000),
    null,
    [],
    {},
    true,
    "eA==",
  ),
  fc.array(fc.constantFrom("..", ".", "nodes", "node-1", "fs", "work", "a.txt", "meta", "events", "__proto__", "")),
);
const members = fc.dictionary(
  fc.constantFrom(
    "fid",
    "newfid",
    "path",
    "offset",
    "count",
    "data",
    "data_b64",
    "mode",
    "version",
    "name",
    "kind",
    "oldtag",
    "truncate",
    "format",
    "msize",
  ),
  strange,
);

Deno.test("every message is answered with a typed error or an answer, whatever it holds, and the connection stays", async () => {
  await using scene = await TreeScene.open();
  const node = await scene.startNode("edge");
  await writeFile(join(node.work, "a.txt"), "hello");
  const raw = await scene.raw();
  let tag = 0;
  const ask = (type: string, more: object) =>
    raw.ask(
      JSON.stringify({ ...more, channel: "acheron", type: `acheron.${type}`, tag: ++tag }),
      (one) => one["tag"] === tag,
    );
  await ask("t_version", { version: "acheron-1" });
  await ask("t_attach", { fid: 1 });
  let answered = 0;
  for (const type of MESSAGES) {
    for (const more of fc.sample(members, { numRuns: 120, seed: 7 })) {
      // A version that is not spoken is the one thing that ends a connection.
      const sent = type === "t_version" ? { ...more, version: "acheron-1" } : more;
      const answer = await ask(type, sent);
      if (answer["ok"] === true) {
        answered++;
        continue;
      }
      const error = Object(answer["error"]);
      const shown = `${type} ${JSON.stringify(sent).slice(0, 200)} -> ${JSON.stringify(error)}`;
      assert.match(String(error.code), /^(invalid|enoent|eisdir|enotdir|eperm|unsupported|busy)$/, shown);
      assert.ok(error.message.length > 0 && error.message.length < 2_000, shown);
      assert.doesNotMatch(error.message, /fault of the server/, shown);
    }
  }
  assert.ok(answered > 200, String(answered));
  await ask("t_attach", { fid: 1 });
  assert.equal((await ask("t_stat", { fid: 1 }))["ok"], true);
});

Deno.test("no path gets out of an exported folder", async () => {
  await using scene = await TreeScene.open();
  const node = await scene.startNode("edge");
  const canary = "canary of the tests of paths";
  await writeFile(join(scene.folder, "canary.txt"), canary);
  await writeFile(join(node.work, "..", "canary.txt"), canary);
  await writeFile(join(node.work, "a.txt"), "hello");
  await symlink(join(scene.folder, "canary.txt"), join(node.work, "link"));
  await symlink(scene.folder, join(node.work, "up"));
  await symlink("up", join(node.work, "chain"));
  const connection = await scene.connect();
  await scene.tree(connection);
  const names = [
    "..",
    ".",
    "link",
    "up",
    "chain",
    "canary.txt",
    "a.txt",
    "edge",
    "work",
    "%2e%2e",
    "..%2f",
    "C:",
    "CON",
    "A.TXT",
    "....",
    " ",
    "~",
  ];
  const root = ["nodes", node.node_id, "fs", "work"];
  let found = 0;
  for (
    const tail of fc.sample(fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 6 }), {
      numRuns: 300,
      seed: 3,
    })
  ) {
    const path = [...root, ...tail];
    try {
      await connection.message("t_walk", { fid: 1, newfid: 9, path });
      const { data_b64 } = await connection.message("t_read", { fid: 9 });
      const text = new TextDecoder().decode(Uint8Array.fromBase64(String(data_b64)));
      assert.ok(!text.includes(canary), path.join("/"));
      if (text === "hello") found++;
    } catch (error) {
      assert.match(
        String((error as { code?: string }).code),
        /^(enoent|eperm|enotdir|invalid)$/,
        `${path.join("/")}: ${error}`,
      );
    }
  }
  assert.ok(found > 0);
});
