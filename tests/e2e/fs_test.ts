/**
 * The files of the tree from the command line, through the real program.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Scene, zss } from "./program.ts";

const WORK = "/nodes/node-1/fs/work";

/** A server and a node that serves an echo and a folder to write in, and a folder within it if one is named. */
async function opened(
  inner?: string,
): Promise<{ scene: Scene; work: string; fs: (...args: string[]) => ReturnType<typeof zss> }> {
  const scene = await Scene.open();
  const work = join(scene.folder, "work");
  const services = join(scene.folder, "services.d");
  await Promise.all([mkdir(join(work, inner ?? ""), { recursive: true }), mkdir(services)]);
  const echo = {
    service_id: "echo",
    kind: "echo",
    capabilities: { invoke: true },
    runtime: { type: "native_proc", executable_path: "zss", args: ["driver", "echo"] },
  };
  await writeFile(join(services, "echo.json"), JSON.stringify(echo));
  const broken = { ...echo.runtime, args: ["driver", "no-such-driver"] };
  await writeFile(join(services, "broken.json"), JSON.stringify({ ...echo, service_id: "broken", runtime: broken }));
  const node = await scene.startNode(
    "--services-dir",
    services,
    "--export",
    `work=${work}:rw`,
    "--export",
    `again=${work}:rw`,
    ...(inner === undefined ? [] : ["--export", `inner=${join(work, inner)}:rw`]),
  );
  await node.printed(/zss node online: 3 services/);
  return { scene, work, fs: (...args) => scene.client("fs", ...args) };
}

const bytes = new Uint8Array(300_000).map((_, index) => index * 7 + (index >> 8));

Deno.test("zss fs ls, stat, tree and read show the tree, byte for byte", async () => {
  const { scene, work, fs } = await opened();
  await using _scene = scene;
  await mkdir(join(work, "sub"));
  await writeFile(join(work, "sub", "b.bin"), bytes);
  await writeFile(join(work, "a.txt"), "alpha\n");
  assert.match((await fs("ls")).stdout, /^nodes\/$/m);
  assert.equal((await fs("ls", WORK)).stdout, "a.txt\nsub/\n");
  assert.match((await fs("ls", "-l", WORK)).stdout, /^-rw\S+ +6 B +\d{4}-\S+ +a\.txt$/m);
  assert.deepEqual(JSON.parse((await fs("ls", WORK, "--json")).stdout).map(({ name }: { name: string }) => name), [
    "a.txt",
    "sub",
  ]);
  assert.equal((await fs("ls", `${WORK}/a.txt`)).stdout, "a.txt\n");
  assert.equal((await fs("tree", WORK)).stdout, `${WORK}\n  a.txt\n  sub/\n    b.bin\n`);
  assert.equal((await fs("tree", WORK, "--files-only", "-o", "name")).stdout, `${WORK}/a.txt\n${WORK}/sub/b.bin\n`);
  assert.equal((await fs("tree", WORK, "--max-depth", "1", "--dirs-only")).stdout, `${WORK}\n  sub/\n`);
  assert.equal((await fs("tree", WORK, "--files-only", "--dirs-only")).code, 2);
  const stat = JSON.parse((await fs("stat", `${WORK}/a.txt`, "--json")).stdout);
  assert.deepEqual([stat.path, stat.kind, stat.size, stat.writable], [`${WORK}/a.txt`, "file", 6, true]);
  assert.match((await fs("stat", `${WORK}/sub`)).stdout, /^kind +directory$/m);
  assert.equal((await fs("read", `${WORK}/a.txt`)).stdout, "alpha\n");
  assert.equal(JSON.parse((await fs("read", `${WORK}/a.txt`, "--json")).stdout).text, "alpha\n");
  const binary = JSON.parse((await fs("read", `${WORK}/sub/b.bin`, "--json")).stdout);
  assert.deepEqual(Uint8Array.fromBase64(binary.data_b64), bytes);
  for (
    const [args, code, message] of [
      [["read", `${WORK}/gone`], 1, /no such file|not found/],
      [["read", WORK], 1, /it is a directory/],
      [["ls", "/nodes/node-9"], 1, /no such file or directory/],
    ] as const
  ) {
    const refused = await fs(...args);
    assert.deepEqual([refused.code, message.test(refused.stderr)], [code, true], refused.stderr);
  }
});

Deno.test("zss fs write, mkdir, rm and cp change an exported folder, and run a service", async () => {
  const { scene, work, fs } = await opened();
  await using _scene = scene;
  const has = (name: string) => readFile(join(work, name), "utf8");
  assert.equal((await fs("write", `${WORK}/a.txt`, "hello", "world")).stdout, "wrote 11 bytes\n");
  assert.equal(await has("a.txt"), "hello world");
  assert.equal((await fs("write", `${WORK}/a.txt`, "short")).code, 0);
  assert.equal(await has("a.txt"), "short");
  const piped = await zss(["fs", "write", "-a", `${WORK}/a.txt`], { env: scene.env, stdin: "er\n" });
  assert.deepEqual([piped.code, await has("a.txt")], [0, "shorter\n"]);
  await writeFile(join(scene.folder, "local.bin"), bytes);
  assert.equal((await fs("write", `${WORK}/b.bin`, "--from", "local.bin")).stdout, "wrote 300000 bytes\n");
  assert.deepEqual(new Uint8Array(await readFile(join(work, "b.bin"))), bytes);
  assert.equal((await fs("write", `${WORK}/none.txt`, "x", "--no-create")).code, 1);

  const invoked = await fs("write", "/nodes/node-1/echo/control/invoke.json", '{"a":1}', "--json");
  assert.match(JSON.parse(invoked.stdout).call_id, /^c-/);
  assert.deepEqual([invoked.code, JSON.parse(invoked.stdout).state], [0, "ok"]);
  const failed = await fs("write", "/nodes/node-1/broken/control/invoke.json", "{}");
  assert.deepEqual([failed.code, / is error$/m.test(failed.stdout)], [6, true], failed.stdout + failed.stderr);
  const failedJson = await fs("write", "/nodes/node-1/broken/control/invoke.json", "{}", "--json");
  assert.deepEqual([failedJson.code, JSON.parse(failedJson.stdout).state], [6, "error"]);
  assert.match((await fs("read", "/nodes/node-1/echo/result.json")).stdout, /"echo":\{"a":1\}/);

  assert.equal((await fs("mkdir", `${WORK}/x/y/z`)).code, 1);
  assert.equal((await fs("mkdir", "-p", `${WORK}/x/y/z`)).stdout, `${WORK}/x/y/z made\n`);
  assert.equal((await fs("mkdir", "-p", `${WORK}/x/y/z`)).code, 0);
  await fs("write", `${WORK}/x/m.txt`, "m");
  assert.equal(
    (await fs("mv", `${WORK}/x/m.txt`, `${WORK}/x/n.txt`)).stdout,
    `${WORK}/x/m.txt moved to ${WORK}/x/n.txt\n`,
  );
  assert.equal(
    (await fs("mv", `${WORK}/x/n.txt`, `${WORK}/x/y`)).stdout,
    `${WORK}/x/n.txt moved to ${WORK}/x/y/n.txt\n`,
  );
  assert.equal((await fs("mv", `${WORK}/x/y/n.txt`, `${WORK}/x/y/z`, `${WORK}/x/none`)).code, 2);
  assert.equal((await fs("rm", `${WORK}/x/y/n.txt`)).code, 0);
  const copied = await fs("cp", "-r", `:${WORK}`, "copy");
  assert.equal(copied.stdout, "copied 2 files, 293 KiB\n");
  assert.deepEqual(new Uint8Array(await readFile(join(scene.folder, "copy", "b.bin"))), bytes);
  assert.equal((await fs("cp", "-r", "copy", `:${WORK}/x`)).code, 0);
  assert.equal(await has("x/copy/a.txt"), "shorter\n");
  assert.equal((await fs("cp", `:${WORK}/a.txt`, `:${WORK}/c.txt`)).code, 0);
  assert.equal(await has("c.txt"), "shorter\n");
  assert.match((await fs("cp", "copy", "elsewhere")).stderr, /no path is one of the tree/);
  assert.match((await fs("cp", `:${WORK}/x`, "y")).stderr, /it is a directory[^]*add -r/);

  assert.equal((await fs("rm", `${WORK}/x`)).code, 2);
  assert.equal((await fs("rm", "-r", `${WORK}/x`)).code, 0);
  await assert.rejects(has("x/copy/a.txt"), { code: "ENOENT" });
  assert.deepEqual([(await fs("rm", `${WORK}/x`)).code, (await fs("rm", "-f", `${WORK}/x`)).code], [1, 0]);
  assert.equal((await fs("rm", "/nodes/node-1/STATUS.json")).code, 4);
});

Deno.test("zss fs mv and cp refuse what would lose a file, before anything is done, and say why", async () => {
  const { scene, work, fs } = await opened();
  await using _scene = scene;
  for (const folder of ["d1", "d2", "d3"]) await mkdir(join(work, folder));
  for (const name of ["d1/x", "d2/x", "d1/y"]) await writeFile(join(work, name), name);
  const before = (await fs("tree", WORK)).stdout;
  const at = (name: string) => `${WORK}/${name}`;
  for (
    const [args, message] of [
      [["mv", at("d1/y"), at("d1/x"), at("d2/x"), at("d3")], /it would replace "\S+d1\/x", which goes there too/],
      [["mv", at("d1/x"), at("d1/x"), at("d3")], /it is named twice/],
      [["mv", at("d1/x"), at("d1")], /it is there already/],
      [["mv", at("d1"), at("d1")], /a directory cannot go into itself/],
      [["mv", at("d1"), at("d1/new")], /a directory cannot go into itself/],
      [["mv", at("d1/x"), at("new/")], /no directory is there[^]*zss fs mkdir/],
      [["cp", `:${at("d1/x")}`, `:${at("d2/x")}`, `:${at("d3")}`], /it would replace the copy of "\S+d1\/x"/],
      [["cp", `:${at("d1/x")}`, `:${at("new/")}`], /it is no directory/],
    ] as const
  ) {
    const refused = await fs(...args);
    assert.deepEqual([refused.code === 0, message.test(refused.stderr)], [false, true], refused.stderr);
  }
  assert.equal((await fs("tree", WORK)).stdout, before);
  assert.equal((await fs("mv", at("d2"), at("new/"))).code, 0);
  assert.equal((await fs("mv", at("d1/x"), at("d1/y"), at("d3/"))).code, 0);
  assert.equal(await readFile(join(work, "new", "x"), "utf8"), "d2/x");
  assert.deepEqual(await readdir(join(work, "d3")), ["x", "y"]);
});

Deno.test("zss fs write with an empty payload runs nothing and says so, and empties any other file", async () => {
  const { scene, work, fs } = await opened();
  await using _scene = scene;
  const write = (path: string, stdin: string) => zss(["fs", "write", path], { env: scene.env, stdin });
  for (const stdin of ["", " \n"]) {
    const refused = await write("/nodes/edge/echo/control/invoke.json", stdin);
    assert.deepEqual([refused.code, refused.stdout], [2, ""]);
    assert.match(refused.stderr, /the payload is empty, and nothing was invoked/);
  }
  assert.doesNotMatch((await fs("ls", "/nodes/node-1/echo/calls")).stdout, /c-/);
  assert.equal((await write("/nodes/edge/echo/control/invoke.json", "{}")).code, 0);
  await mkdir(join(work, "control"));
  await writeFile(join(work, "control", "invoke.json"), "kept");
  assert.equal((await write(`${WORK}/control/invoke.json`, "")).stdout, "wrote 0 bytes\n");
  assert.equal(await readFile(join(work, "control", "invoke.json"), "utf8"), "");
});

Deno.test("zss fs shows a name that holds line ends and escapes on one line, and -o name leaves it out", async () => {
  const { scene, work, fs } = await opened();
  await using _scene = scene;
  const name = "a\nb\u001b[31m";
  await writeFile(join(work, name), "");
  await writeFile(join(work, "plain"), "");
  assert.equal((await fs("ls", WORK)).stdout, "a\\nb\\u001b[31m\nplain\n");
  assert.equal((await fs("ls", "-l", WORK)).stdout.split("\n").length, 4);
  assert.equal((await fs("tree", WORK)).stdout, `${WORK}\n  a\\nb\\u001b[31m\n  plain\n`);
  const names = await fs("ls", "-o", "name", WORK);
  assert.deepEqual([names.code, names.stdout], [0, "plain\n"]);
  assert.match(
    names.stderr,
    /^note: 1 name is left out, with control characters: a\\nb\\u001b\[31m; -o json has all$/m,
  );
  assert.equal(JSON.parse((await fs("ls", WORK, "--json")).stdout)[0].name, name);
  assert.equal((await scene.client("__complete", "fs", "read", `${WORK}/`)).stdout, `${WORK}/plain\t\n`);
  const missing = await fs("read", `${WORK}/no\u001b[2J`);
  assert.ok(!missing.stderr.includes("\u001b"), missing.stderr);
  const watch = scene.start(["fs", "watch", WORK, "--interval-ms", "50"], scene.env);
  await watch.printed(/watching/);
  await writeFile(join(work, "n\u001b]0;x\u0007\n~ forged"), "");
  await watch.printed(/^\+ \S+\/n\\u001b\]0;x\\u0007\\n~ forged$/m);
  await watch.end("SIGINT");
});

Deno.test("zss fs watch prints the events of the world, and what changes in a folder", async () => {
  const { scene, work, fs } = await opened();
  await using _scene = scene;
  const past = scene.start(["fs", "watch", "/events", "--since", "0"], scene.env);
  await past.printed(/"kind":"join"/);
  const events = scene.start(["fs", "watch", "/nodes/node-1/events"], scene.env);
  await events.printed(/watching \/nodes\/node-1\/events/);
  const broken = join(scene.folder, "services.d", "broken.json");
  await rm(broken);
  await events.printed(/"removed":\[\{"service_id":"broken"/);
  await past.printed(/"removed":\[\{"service_id":"broken"/);
  assert.doesNotMatch(events.stdout, /"kind":"join"/);
  const { epoch, revision } = JSON.parse(events.stdout.split("\n")[0] ?? "").event;
  const [behind, gone, other, nothing] = [
    scene.start(["fs", "watch", "/events", "--since", `${epoch}:${revision - 1}`], scene.env),
    await fs("watch", "/events", "--since", `0123456789abcdef:${revision}`),
    await fs("watch", "/events", "--since", "lately"),
    await fs("watch", WORK, "--since", "0"),
  ];
  assert.equal(JSON.parse((await behind.printed(/^(\{.*\})$/m))[1] ?? "").event.revision, revision);
  assert.deepEqual([gone.code, other.code, nothing.code], [5, 2, 2]);
  await Promise.all([behind.end("SIGINT"), past.end("SIGINT")]);
  // A file of that name in a folder is watched as any other is.
  await writeFile(join(work, "events"), "1");
  const file = scene.start(["fs", "watch", `${WORK}/events`, "--interval-ms", "50"], scene.env);
  await file.printed(/watching \/nodes/);
  await writeFile(join(work, "events"), "longer");
  await file.printed(/^~ \/nodes\/node-1\/fs\/work\/events$/m);
  await file.end("SIGINT");
  const folder = scene.start(["fs", "watch", WORK, "--interval-ms", "50"], scene.env);
  await folder.printed(/watching \/nodes\/node-1\/fs\/work/);
  await writeFile(join(work, "new.txt"), "1");
  await folder.printed(/^\+ \/nodes\/node-1\/fs\/work\/new\.txt$/m);
  await writeFile(join(work, "new.txt"), "longer");
  await folder.printed(/^~ \/nodes\/node-1\/fs\/work\/new\.txt$/m);
  assert.deepEqual([(await folder.end("SIGINT")).code, (await events.end("SIGINT")).code], [130, 130]);
});

Deno.test("zss __complete proposes paths of the tree", async () => {
  const { scene, work } = await opened();
  await using _scene = scene;
  await writeFile(join(work, "notes.txt"), "");
  const complete = async (...words: string[]) => (await scene.client("__complete", ...words)).stdout;
  assert.equal(await complete("fs", "read", "/nodes/no"), "/nodes/node-1/\t\n");
  assert.equal(await complete("fs", "read", `${WORK}/no`), `${WORK}/notes.txt\t\n`);
  assert.equal(await complete("fs", "cp", `:${WORK}/no`), `:${WORK}/notes.txt\t\n`);
  assert.equal(await complete("fs", "read", "/gone/"), "");
  assert.equal(await complete("fs", "read", "/nodes/edge/fs/work/no"), "/nodes/edge/fs/work/notes.txt\t\n");
  assert.equal(await complete("node", "service-runtime", "no"), "node-1\t\n");
  assert.equal(await complete("node", "info", ""), "node-1\t\nedge\t\n");
  assert.equal(await complete("node", "service-runtime", "edge", "e"), "echo\t\n");
  assert.equal(await complete("server", "token", "revoke", "adm"), "");
  await scene.client("server", "token", "create", "alice");
  assert.equal(await complete("server", "token", "rotate", "al"), "alice\t\n");
  assert.equal(await complete("project", "get", "sys"), "system\t\n");
  assert.equal(await complete("--project", "sys"), "system\t\n");
  assert.equal(await complete("--project=sys"), "--project=system\t\n");
  const asking = scene.start(["node", "run", "--control-url", scene.url, "--state-file", "asking.json"]);
  await asking.printed(/pending-join-1/);
  assert.equal(await complete("node", "approve", ""), "pending-join-1\t\n");
  assert.equal(await complete("node", "service-runtime", "node-1", "echo", "inv"), "invoke\t\n");
});

Deno.test({
  name: "zss fs rm, tree and cp neither follow links nor run without end, and leave what they are not to change",
  // Few may make links there.
  ignore: Deno.build.os === "windows",
  async fn() {
    const { scene, work, fs } = await opened("folder/sub");
    await using _scene = scene;
    await mkdir(join(work, "kept"));
    const large = new Uint8Array(3_000_000).fill(7);
    await writeFile(join(work, "kept", "file"), large);
    await mkdir(join(work, "folder", "sub"), { recursive: true });
    await symlink("../kept", join(work, "folder", "to-kept"));
    await symlink("..", join(work, "folder", "up"));
    await symlink("kept/file", join(work, "to-file"));
    assert.equal(
      (await fs("tree", `${WORK}/folder`, "--max-depth", "512")).stdout,
      `${WORK}/folder\n  sub/\n  to-kept@\n  up@\n`,
    );
    const copied = await fs("cp", "-r", `:${WORK}/folder`, "out");
    assert.deepEqual([copied.code, await readdir(join(scene.folder, "out"))], [0, ["sub"]], copied.stderr);
    assert.match(copied.stderr, /2 symbolic links are left out/);
    await symlink("sub", join(scene.folder, "out", "link"));
    assert.match((await fs("cp", "-r", "out", `:${WORK}/back`)).stderr, /1 symbolic link is left out/);
    assert.deepEqual(await readdir(join(work, "back")), ["sub"]);

    for (
      const [from, to] of [
        [`:${WORK}/kept/file`, `:${WORK}/kept/file`],
        [`:${WORK}/kept/file`, `:${WORK}/kept`],
        [`:${WORK}/kept/file`, `:${WORK}/to-file`],
        [`:${WORK}/to-file`, `:${WORK}/kept/file`],
        [`:${WORK}/kept/file`, ":/nodes/node-1/fs/again/kept"],
        [join(work, "kept", "file"), `:${WORK}/kept`],
        [`:${WORK}/kept/file`, join(work, "to-file")],
      ] as const
    ) {
      const refused = await fs("cp", from, to);
      assert.deepEqual([refused.code, /they are the same file/.test(refused.stderr)], [1, true], refused.stderr);
    }
    assert.deepEqual(new Uint8Array(await readFile(join(work, "kept", "file"))), large);
    await symlink("folder/sub", join(work, "aside"));
    for (
      const [from, to] of [
        [`:${WORK}/folder`, `:${WORK}/folder/sub`],
        [`:${WORK}/folder`, `:${WORK}/folder/sub/new`],
        [`:${WORK}`, `:${WORK}/folder/sub`],
        [`:${WORK}/folder`, ":/nodes/node-1/fs/again/folder/sub"],
        [join(work, "folder"), `:${WORK}/folder/sub`],
        // Past the name of the source: by a link, by a folder that is exported for itself, by one of this machine.
        [`:${WORK}/folder`, `:${WORK}/aside`],
        [`:${WORK}/folder`, `:${WORK}/aside/new`],
        [`:${WORK}`, `:${WORK}/aside`],
        [scene.folder, `:${WORK}/aside/new`],
        [`:${WORK}/folder`, join(work, "aside")],
      ] as const
    ) {
      const refused = await fs("cp", "-r", from, to);
      assert.deepEqual(
        [from, to, refused.code, /copied into itself/.test(refused.stderr)],
        [from, to, 1, true],
        refused.stderr,
      );
      assert.deepEqual(await readdir(join(work, "folder", "sub")), []);
    }

    // The number of a folder that is exported for itself is not known: that one is found when it comes up again.
    const inner = await fs("cp", "-r", `:${WORK}/folder`, ":/nodes/node-1/fs/inner");
    assert.deepEqual([inner.code, /copied into itself/.test(inner.stderr)], [1, true], inner.stderr);
    await rm(join(work, "folder", "sub", "folder"), { recursive: true });

    // A folder that a link leads past the source to is none of its own.
    await symlink("kept", join(work, "beside"));
    assert.equal((await fs("cp", "-r", `:${WORK}/folder`, `:${WORK}/beside`)).code, 0);
    assert.deepEqual(await readdir(join(work, "kept", "folder")), ["sub"]);
    for (const name of ["aside", "beside", "kept/folder"]) await rm(join(work, name), { recursive: true });

    // Links that lead nowhere or out of the export are removed and moved by their names.
    await mkdir(join(work, "links", "sub"), { recursive: true });
    await symlink("nowhere", join(work, "links", "dangling"));
    await symlink(scene.folder, join(work, "links", "sub", "out"));
    await symlink("nowhere", join(work, "one"));
    assert.equal((await fs("mv", `${WORK}/one`, `${WORK}/two`)).code, 0);
    assert.equal((await fs("rm", `${WORK}/two`)).code, 0);
    assert.equal((await fs("rm", `${WORK}/two`)).code, 1);
    assert.equal((await fs("rm", "-f", `${WORK}/two`)).code, 0);
    const removed = await fs("rm", "-r", `${WORK}/links`);
    assert.deepEqual([removed.code, (await readdir(work)).includes("links")], [0, false], removed.stderr);
    // What a node hides it does not tell of, and the directory that holds it is named.
    await mkdir(join(work, "hides", "sub", ".spiderweb-sandbox"), { recursive: true });
    const hiding = await fs("rm", "-r", `${WORK}/hides`);
    assert.equal(hiding.code, 1);
    assert.match(hiding.stderr, /fs\/work\/hides\/sub": it holds entries that are not shown/);
    await rm(join(work, "hides"), { recursive: true });

    assert.equal((await fs("rm", "-r", `${WORK}/folder`)).code, 0);
    assert.equal((await fs("rm", `${WORK}/to-file`)).code, 0);
    assert.deepEqual([await readdir(work), await readdir(join(work, "kept"))], [["back", "kept"], ["file"]]);
  },
});
