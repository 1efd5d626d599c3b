import assert from "node:assert/strict";
import { serviceDescriptor } from "../../control/catalog/mod.ts";
import { Errno, FsError } from "../../control/protocol/mod.ts";
import { currentOs, ManualClock, type PtySupport } from "../../drivers/process/mod.ts";
import { Host } from "../host/host.ts";
import { hostParts, TreeClient } from "../host/service_fixture_test.ts";
import { createServiceFiles } from "../namespace/service_files.ts";
import { ScriptedPty, settled, text } from "./scripted_pty_fixture_test.ts";
import { KEPT_MS, MAX_SESSIONS } from "./sessions.ts";
import { Terminals } from "./terminals.ts";

const ignore = currentOs.name === "windows";

/** A host with the terminals `1` and `ops`, whose sessions are scripted. */
function open(support: PtySupport = { available: true }) {
  const ptys: ScriptedPty[] = [];
  const started: string[] = [];
  const clock = new ManualClock();
  let ids = 0;
  const terminals = new Terminals(["1", "ops"], {
    clock,
    cwd: "/",
    env: { PATH: "/usr/bin:/bin", SHELL: "/bin/sh", ZSS_TOKEN: "secret" },
    os: currentOs,
    createId: () => `c-${++ids}`,
    support,
    openPty({ argv, env, size: { cols, rows } }) {
      started.push(`${argv.join(" ")} ${env["TERM"]} ${cols}x${rows} ${"ZSS_TOKEN" in env}`);
      const pty = new ScriptedPty();
      ptys.push(pty);
      return pty;
    },
  });
  const host = new Host({ ...hostParts(), clock, createFiles: terminals.filesOf(createServiceFiles) });
  for (const definition of terminals.definitions("node-1")) host.put(definition);
  const [tree] = host.trees();
  assert.ok(tree);
  return { terminals, host, tree, files: new TreeClient(tree), ptys, started, clock };
}

/** Opens a session and returns its folder. */
async function session({ files }: { readonly files: TreeClient }, request = "{}"): Promise<string> {
  const { call_id } = await files.write("pty/open.json", request);
  return `pty/${call_id}`;
}

const names = async ({ tree, files }: ReturnType<typeof open>, path: string) =>
  (await tree.list(path === "" ? tree.root : await files.id(path))).map(({ name }) => name).join(" ");

function refuses(errno: number, message = /^/): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof FsError && thrown.errno === errno && message.test(thrown.message);
}

Deno.test("terminal ids build executable namespace exports", async () => {
  const { host, files } = open();
  assert.deepEqual(host.trees().map(({ description }) => description), [
    {
      name: "terminal-1",
      read_only: false,
      description: "Terminal namespace service (1)",
      source_kind: "namespace",
      source_id: "service:terminal-1",
    },
    {
      name: "terminal-ops",
      read_only: false,
      description: "Terminal namespace service (ops)",
      source_kind: "namespace",
      source_id: "service:terminal-ops",
    },
  ]);
  assert.equal(await files.read("TEMPLATE.json"), '{"tool_name":"terminal_exec","arguments":{"command":"echo hello"}}');
  assert.match(await files.read("SCHEMA.json"), /^\{"model":"terminal-driver-v1","arguments":\{"command":"string/);
  assert.match(await files.read("README.md"), /control\/invoke\.json/);
  await host.stop(0);
});

Deno.test("Terminals.definitions() describe what this machine can do", () => {
  const entry = (support: PtySupport) => open(support).terminals.definitions("node-1")[0]?.descriptor;
  const able = entry({ available: true });
  assert.deepEqual(serviceDescriptor.parse(able), able);
  assert.deepEqual(
    [able?.service_id, able?.kind, able?.endpoints, able?.capabilities],
    ["terminal-1", "terminal", ["/nodes/node-1/terminal/1"], { pty: true, terminal_id: "1", invoke: true }],
  );
  const unable = entry({ available: false, reason: "there are none" });
  assert.deepEqual(unable?.capabilities, {
    pty: false,
    terminal_id: "1",
    invoke: true,
    pty_unavailable: "there are none",
  });
  assert.equal(unable?.ops["interactive"], false);
});

Deno.test("a terminal says why it opens no session where there are no terminals", async () => {
  const scene = open({ available: false, reason: "there are none" });
  await assert.rejects(session(scene), refuses(Errno.ENOSYS, /this node opens no sessions: there are none$/));
  await scene.host.stop(0);
});

Deno.test({ name: "a session is opened, typed into, resized, read and closed through its files", ignore }, async () => {
  const scene = open();
  const { files, ptys, started, host } = scene;
  assert.match(await names(scene, ""), / metrics\.json pty result\.json /);
  const folder = await session(scene, '{"cols":100,"rows":30,"argv":["sh","-i"],"env":{"TERM":"vt100"}}');
  assert.deepEqual(started, ["sh -i vt100 100x30 false"]);
  assert.equal(await names(scene, "pty"), "c-1 open.json");
  assert.equal(await names(scene, folder), "close input output size status.json");
  assert.equal(await files.read(`${folder}/size`), '{"cols":100,"rows":30}');
  await files.write(`${folder}/input`, "ls\r");
  await files.write(`${folder}/size`, '{"cols":90,"rows":20}');
  assert.deepEqual(ptys[0]?.log, ["type ls\r", "resize 90x20"]);
  ptys[0]?.print("a b c");
  await settled();
  const output = await scene.tree.open(await files.id(`${folder}/output`), "read");
  assert.equal(text((await output.read(2, 100)).bytes), "b c");
  assert.equal((await scene.tree.attributes(await files.id(`${folder}/output`))).sz, 5);
  const status = JSON.parse(await files.read(`${folder}/status.json`));
  assert.deepEqual([status.state, status.cols, status.output_end], ["running", 90, 5]);
  await files.write(`${folder}/close`, "{}");
  ptys[0]?.exit(null, "SIGHUP");
  await settled();
  assert.deepEqual(await output.read(5, 10), { bytes: new Uint8Array(), eof: true });
  const over = JSON.parse(await files.read(`${folder}/status.json`));
  assert.deepEqual([over.state, over.reason, over.signal], ["exited", "closed", "SIGHUP"]);
  await host.stop(0);
});

Deno.test({ name: "the files of a session refuse what makes no sense", ignore }, async () => {
  const scene = open();
  const { files, tree, host } = scene;
  const folder = await session(scene);
  assert.deepEqual(scene.started, ["/bin/sh -l xterm-256color 80x24 false"]);
  for (const wrong of ['{"cols":0}', "[]", "{", '{"argv":[]}']) {
    await assert.rejects(session(scene, wrong), refuses(Errno.EINVAL));
  }
  await assert.rejects(files.write(`${folder}/size`, '{"cols":3}'), refuses(Errno.EINVAL, /rows must be/));
  await assert.rejects(session(scene, '{"argv":["no-such-program"]}'), refuses(Errno.EIO, /FileNotFound/));
  await assert.rejects(tree.open(await files.id(`${folder}/output`), "write"), refuses(Errno.EROFS));
  await assert.rejects(tree.open(await files.id(`${folder}/input`), "read"), refuses(Errno.EACCES));
  await assert.rejects(tree.open(await files.id(folder), "read"), refuses(Errno.EISDIR));
  await assert.rejects(tree.list(await files.id(`${folder}/size`)), refuses(Errno.ENOTDIR));
  await assert.rejects(tree.lookup(await files.id("pty"), "c-99"), refuses(Errno.ENOENT));
  await assert.rejects(tree.attributes(1n << 44n), refuses(Errno.ENOENT));
  assert.equal(tree.parent(await files.id(`${folder}/size`)), await files.id(folder));
  assert.equal(tree.parent(await files.id("pty")), tree.root);
  const stopped = host.stop(0);
  scene.ptys[0]?.exit(0);
  await stopped;
});

Deno.test({ name: "a terminal bounds its sessions, and keeps those that ended for a while", ignore }, async () => {
  const scene = open();
  const folders = [];
  for (let i = 0; i < MAX_SESSIONS; i++) folders.push(await session(scene));
  await assert.rejects(session(scene), refuses(Errno.EAGAIN, /8 sessions are open/));
  for (const pty of scene.ptys) pty.exit(0);
  await settled();
  assert.equal(JSON.parse(await scene.files.read(`${folders[0]}/status.json`)).exit_code, 0);
  const next = await session(scene);
  assert.equal((await names(scene, "pty")).split(" ").length, MAX_SESSIONS + 2);
  scene.ptys.at(-1)?.exit(0);
  await settled();
  await assert.rejects(scene.files.read(`${folders[0]}/status.json`), refuses(Errno.ENOENT));
  scene.clock.advance(KEPT_MS);
  assert.equal(await names(scene, "pty"), "open.json");
  await assert.rejects(scene.files.read(`${next}/status.json`), refuses(Errno.ENOENT));
  await scene.host.stop(0);
  assert.equal(scene.clock.pendingTimers, 0);
});

Deno.test(
  { name: "disabling a terminal ends its sessions and opens no other until it is enabled", ignore },
  async () => {
    const scene = open();
    await session(scene);
    await scene.files.write("control/disable", "{}");
    assert.deepEqual(scene.ptys[0]?.log, ["hang up"]);
    scene.ptys[0]?.exit(0);
    await assert.rejects(session(scene), refuses(Errno.EPERM, /the terminal is disabled/));
    await scene.files.write("control/enable", "{}");
    await session(scene);
    assert.equal(scene.ptys.length, 2);
    const stopped = scene.host.stop(0);
    scene.ptys[1]?.exit(0);
    await stopped;
  },
);

Deno.test({ name: "a session outlives another identity of its node, and ends with the host", ignore }, async () => {
  const scene = open();
  const folder = await session(scene);
  for (const definition of scene.terminals.definitions("node-2")) scene.host.put(definition);
  await settled();
  assert.deepEqual(scene.ptys[0]?.log, []);
  assert.match(await scene.files.read(`${folder}/status.json`), /"state":"running"/);
  assert.deepEqual(scene.host.catalog().map(({ endpoints }) => endpoints[0]), [
    "/nodes/node-2/terminal/1",
    "/nodes/node-2/terminal/ops",
  ]);
  const stopped = scene.host.stop(0);
  await settled();
  assert.deepEqual(scene.ptys[0]?.log, ["hang up"]);
  scene.clock.advance(1_000);
  await stopped;
  assert.equal(scene.clock.pendingTimers, 0);
});
