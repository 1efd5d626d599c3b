/**
 * What the reference's own tests ask of exported folders, under their own names.
 *
 * Left out are the cases of its Google Drive source, which zss does not have
 * (`gdrive ...`, `local-only exports skip gdrive spool setup`, `cleanupGdriveSpoolOrphans ...`, `hello caps reflect mixed
 * source capabilities`, `exports honor source metadata overrides`), of its exports for chat and jobs, which belong to
 * an agent runtime (`namespace exports scaffold synthetic control trees`, `namespace jobs export ...`), and those that
 * only its Windows source passes (`windows source ...`): names.ts has the rules for names there.
 */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Errno, FsError } from "../../control/protocol/mod.ts";
import { ManualClock, systemClock } from "../../drivers/process/mod.ts";
import type { TreeChange } from "../namespace/tree.ts";
import { FileServer } from "../namespace/file_server.ts";
import { isWithin } from "./confine.ts";
import { type FolderTree, openFolder } from "./folder.ts";
import { inProtocolWords } from "./system_errors.ts";

function reference(name: string, mode: "ro" | "rw", body: (tree: FolderTree, root: string) => Promise<void>): void {
  Deno.test(`reference: ${name}`, async () => {
    const root = realpathSync(mkdtempSync(join(tmpdir(), "zss-reference-")));
    // The watcher hears of real changes in real time; nothing else here needs any.
    const clock = name.includes("watcher") ? systemClock : new ManualClock();
    try {
      await body(openFolder({ name: "work", path: root, mode }, clock), root);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
}

const errno = (wanted: Errno) => (error: unknown) => error instanceof FsError && error.errno === wanted;

Deno.test("reference: isWithinRoot handles root and exact-prefix boundaries", () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["/", "/", true],
    ["/", "/var", true],
    ["/safe", "/safe", true],
    ["/safe", "/safe/work", true],
    ["/safe", "/safeguard", false],
    ["/safe", "/", false],
  ];
  for (const [root, path, wanted] of cases) assert.equal(isWithin(root, path, "linux"), wanted, `${root} ${path}`);
});

Deno.test("reference: mapError translates xattr and lock errno surface", async () => {
  const cases: readonly (readonly [string, Errno])[] = [
    ["ENODATA", Errno.ENODATA],
    ["EAGAIN", Errno.EAGAIN],
    ["ERANGE", Errno.ERANGE],
    ["ENOSYS", Errno.ENOSYS],
    ["EOPNOTSUPP", Errno.ENOSYS],
  ];
  for (const [code, wanted] of cases) {
    const thrown = () => Promise.reject(Object.assign(new Error(code), { code }));
    await assert.rejects(inProtocolWords(thrown), errno(wanted), code);
  }
});

/** Asks frame by frame, as a client does. */
function served(tree: FolderTree) {
  const server = new FileServer({ name: "lab", os: "linux", version: "0" });
  server.setTrees([tree]);
  const answers: string[] = [];
  const connection = server.connect((text) => answers.push(text));
  const ask = async (op: string, members: object, payload: object) => {
    const frame = { channel: "acheron", type: `acheron.t_fs_${op}`, tag: 1, ...members, payload };
    await connection.handle(JSON.stringify(frame));
    const { payload: answer, error } = JSON.parse(answers.pop() ?? "");
    return answer ?? error;
  };
  return { ask, close: () => connection.close() };
}

reference("exports include configured root id", "ro", async (tree) => {
  const { ask, close } = served(tree);
  const [exported] = (await ask("exports", {}, {})).exports;
  assert.deepEqual(Object.keys(exported).toSorted(), [
    ...["caps", "desc", "name", "ro", "root", "source_id", "source_kind"],
  ]);
  assert.ok(Number.isInteger(exported.root) && exported.root > 0);
  close();
});

reference("statfs returns source-aware block size", "ro", async (tree) => {
  const { bsize, namemax } = await tree.numbers(tree.root);
  assert.ok(bsize >= 512 && namemax >= 255);
});

reference("read-only export rejects mkdir", "ro", async (tree) => {
  const { ask, close } = served(tree);
  const node = (await ask("exports", {}, {})).exports[0].root;
  assert.equal((await ask("mkdir", { node }, { name: "new" })).errno, Errno.EROFS);
  close();
});

reference("readdir includes regular files", "ro", async (tree, root) => {
  writeFileSync(join(root, "a.txt"), "alpha");
  const [entry] = await tree.list(tree.root);
  assert.deepEqual([entry?.name, entry?.attributes.k, entry?.attributes.sz], ["a.txt", 1, 5]);
});

reference("local export hides sandbox runtime folder", "ro", async (tree, root) => {
  mkdirSync(join(root, ".spiderweb-sandbox"));
  writeFileSync(join(root, "shown"), "");
  assert.deepEqual((await tree.list(tree.root)).map(({ name }) => name), ["shown"]);
  await assert.rejects(tree.lookup(tree.root, ".spiderweb-sandbox"), errno(Errno.ENOENT));
});

reference("local readdir paging skips hidden entries without duplicates", "ro", async (tree, root) => {
  mkdirSync(join(root, ".spiderweb-sandbox"));
  for (const name of ["a", "b", "c"]) writeFileSync(join(root, name), "");
  const { ask, close } = served(tree);
  const node = (await ask("exports", {}, {})).exports[0].root;
  const names: string[] = [];
  for (let cookie = 0, page = { eof: false, next: 0, ents: [] as { name: string }[] }; !page.eof; cookie = page.next) {
    page = await ask("readdirp", { node }, { cookie, max: 1 });
    assert.ok(page.ents.length <= 1);
    names.push(...page.ents.map(({ name }) => name));
  }
  assert.deepEqual(names, [".", "..", "a", "b", "c"]);
  close();
});

reference("filesystem watcher reports out-of-band mutations", "rw", async (tree, root) => {
  const heard: TreeChange[] = [];
  let look = () => {};
  const stop = tree.onChange((change) => {
    heard.push(change);
    look();
  });
  const until = (is: (change: TreeChange) => boolean) =>
    new Promise<void>((resolve) => {
      look = () => heard.some(is) && resolve();
      look();
    });
  await tree.list(tree.root);
  assert.equal(heard.length, 0);
  writeFileSync(join(root, "new.txt"), "1");
  await until((change) => "directory" in change && change.directory === tree.root);
  const { id } = await tree.lookup(tree.root, "new.txt");
  writeFileSync(join(root, "new.txt"), "longer");
  await until((change) => "node" in change && change.node === id);
  stop();
});
