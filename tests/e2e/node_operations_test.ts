/**
 * What whoever operates a node relies on: checks, numbers, logs, signals, systemd.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { socketAddress } from "../../drivers/process/notify_socket.ts";
import { FsClient, openSocket } from "../../control/client/mod.ts";
import { systemClock } from "../../drivers/process/mod.ts";
import { Program, Scene, zss } from "./program.ts";

const IS_LINUX = Deno.build.os === "linux";
const HAS_SIGNALS = Deno.build.os !== "windows";

async function folderWith(manifests: Readonly<Record<string, object>>): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "zss-operations-"));
  for (const name of ["services.d", "work"]) await mkdir(join(path, name));
  for (const [id, runtime] of Object.entries(manifests)) {
    const manifest = { service_id: id, kind: "echo", runtime: { type: "native_proc", ...runtime } };
    await writeFile(join(path, "services.d", `${id}.json`), JSON.stringify(manifest));
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const STANDALONE = ["node", "run", "--port", "0", "--services-dir", "services.d"];

Deno.test("zss node run --check says what is right and what is wrong, exits 0 or 1, and changes nothing", async () => {
  await using folder = await folderWith({ echo: { executable_path: "cat" } });
  const check = (...args: string[]) =>
    zss(["node", "run", "--services-dir", "services.d", ...args, "--check"], { cwd: folder.path });
  const good = await check("--export", "work=work");
  assert.equal(good.code, 0, good.stdout + good.stderr);
  assert.match(good.stdout, /^ok +manifests +1 manifest can be loaded$/m);
  const inside = await check("--export", "work=.");
  assert.equal(inside.code, 1);
  assert.match(inside.stdout, /^wrong +exports +Cannot export "work" \(.*\): it holds the state file ".*"/m);
  const started = await zss([...STANDALONE, "--export", "work=services.d"], { cwd: folder.path });
  assert.equal(started.code, 2, started.stderr);
  assert.match(
    started.stderr,
    /it is the folder of manifests .*\n {2}hint: export a folder of its own.*\[invalid_export\]/,
  );
  const paired = await check("--control-url", "ws://127.0.0.1:9", "-o", "json");
  const report = JSON.parse(paired.stdout);
  assert.deepEqual([report.ok, report.mode, report.findings], [true, "paired", []]);
  assert.deepEqual(report.checks.map(({ check }: { check: string }) => check), [
    ...["state_file", "exports", "manifests", "pairing"],
  ]);
  await writeFile(
    join(folder.path, "services.d", "camera.json"),
    JSON.stringify({
      service_id: "camera",
      kind: "camera",
      runtime: { type: "native_proc", executable_path: "./no-such-program" },
    }),
  );
  await writeFile(join(folder.path, "damaged.json"), "{");
  const bad = await check(
    "--export",
    "work=gone",
    "--state-file",
    "damaged.json",
    "--tls-cert",
    "a",
    "--tls-key",
    "b",
    "-o",
    "json",
  );
  assert.equal(bad.code, 1);
  const wrong = JSON.parse(bad.stdout);
  assert.deepEqual(wrong.checks.filter(({ ok }: { ok: boolean }) => !ok).map(({ check }: { check: string }) => check), [
    ...["state_file", "exports", "manifests", "endpoint"],
  ]);
  assert.deepEqual(wrong.findings.map(({ rule }: { rule: string }) => rule), ["executable-found"]);
  assert.deepEqual((await readdir(folder.path)).sort(), ["damaged.json", "services.d", "work"]);
  assert.equal((await check("--control-url", "ws://127.0.0.1:9", "--check-server")).code, 1);
  const invited = await check(
    "--control-url",
    "ws://127.0.0.1:9",
    "--invite-token",
    "bogus",
    "--state-file",
    "new.json",
  );
  assert.match(invited.stdout, /^ok +pairing +it will use its invite, which was not checked/m);
});

Deno.test("zss node run shows its numbers, and tells whether it is ready", async () => {
  await using scene = await Scene.open();
  const node = await scene.startNode("--metrics-port", "0", "--label", "site=hq");
  const [, url = ""] = await node.printed(/zss node metrics on (http:\S+)/);
  await node.printed(/zss node online/);
  assert.equal(await (await fetch(`${url}/readyz`)).text(), "ready\n");
  const text = await (await fetch(`${url}/metrics`)).text();
  assert.match(text, /^zss_node_link_state\{state="online"\} 1$/m);
  assert.match(text, /^zss_node_info\{version="[^"]+",mode="paired",node_id="node-1"\} 1$/m);
  assert.match(text, /^zss_node_lease_age_seconds \d/m);
  await scene.killServer();
  await node.printed(/zss node offline/);
  const late = await fetch(`${url}/readyz`);
  assert.deepEqual([late.status, await late.text()], [503, "not ready: connecting\n"]);
  const { link } = await (await fetch(`${url}/metrics.json`)).json();
  assert.deepEqual([link.connects_total, link.losses_total > 0], [1, true]);
});

Deno.test("zss node run --log-format json writes one object a line, and nothing else", async () => {
  await using folder = await folderWith({ echo: { executable_path: "cat" } });
  const node = new Program([...STANDALONE, "--log-format", "json"], { cwd: folder.path });
  await node.printed(/"event":"listening"/);
  const { code, stdout, stderr } = await node.end("SIGTERM");
  assert.deepEqual([code, stdout], [0, ""]);
  const records = stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(records.map(({ level }) => level), ["INFO", "INFO", "INFO"]);
  assert.deepEqual([records[1].logger, records[1].properties.trees], ["zss.node", 1]);
  assert.match(records[1].message, /^zss node listening on ws:\S+: 1 tree served$/);
  const silent = new Program([
    ...STANDALONE,
    "--log-format",
    "json",
    "--log-level",
    "error",
    "--metrics-port",
    "0",
    "--ready-file",
    "r",
  ], {
    cwd: folder.path,
  });
  while (!(await readdir(folder.path)).includes("r"));
  assert.equal((await silent.end("SIGTERM")).stderr, "");
});

Deno.test("zss node run reads its manifests anew on SIGHUP", { ignore: !HAS_SIGNALS }, async () => {
  await using folder = await folderWith({ echo: { executable_path: "cat" } });
  const node = new Program([...STANDALONE, "--manifest-reload-interval-ms", "3600000"], { cwd: folder.path });
  await node.printed(/listening/);
  await rm(join(folder.path, "services.d", "echo.json"));
  process.kill(node.child.pid ?? 0, "SIGHUP");
  await node.printed(/zss node reloaded: -echo/);
  assert.equal((await node.end("SIGTERM")).code, 0);
});

/** A standalone node with a run under way, and the pid of the program that runs. */
async function busyNode(folder: string, ...more: string[]) {
  const node = new Program([...STANDALONE, ...more], { cwd: folder });
  const [, url = ""] = await node.printed(/listening on (\S+):/);
  const client = await FsClient.over(await openSocket({ url }), { clock: systemClock });
  const invoke = await client.walk("svc-slow", ["control", "invoke.json"]);
  const answer = client.write(invoke, new TextEncoder().encode("{}")).catch((error) => error);
  const pid = async () => Number(await Deno.readTextFile(join(folder, "pid")).catch(() => "0"));
  while (await pid() === 0);
  return { node, client, answer, pid: await pid() };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // Whoever should bury it may be slow; it runs no more.
  return !(IS_LINUX && /^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`)));
}

const slow = { executable_path: "sh", args: ["-c", "echo $$ > pid; until [ -e go ]; do sleep 0.02; done; echo done"] };

Deno.test("zss node run lets a run end after SIGTERM", { ignore: !HAS_SIGNALS }, async () => {
  await using folder = await folderWith({ slow });
  const { node, client, answer } = await busyNode(folder.path);
  const ended = node.end("SIGTERM");
  await writeFile(join(folder.path, "go"), "");
  assert.equal((await answer).n, 2);
  client.close();
  assert.equal((await ended).code, 0);
});

Deno.test(
  "zss node run waits no longer than --drain-timeout-ms, and leaves nothing behind",
  { ignore: !HAS_SIGNALS },
  async () => {
    await using folder = await folderWith({ slow });
    const { node, client, pid } = await busyNode(folder.path, "--drain-timeout-ms", "50");
    assert.equal((await node.end("SIGTERM")).code, 0);
    client.close();
    assert.equal(isAlive(pid), false);
  },
);

Deno.test(
  "zss node run ends at once at the second signal, and leaves nothing behind",
  { ignore: !HAS_SIGNALS },
  async () => {
    await using folder = await folderWith({ slow });
    const { node, client, pid } = await busyNode(folder.path, "--drain-timeout-ms", "3600000", "--metrics-port", "0");
    const [, metrics = ""] = await node.printed(/metrics on (\S+)/);
    process.kill(node.child.pid ?? 0, "SIGTERM");
    while ((await (await fetch(`${metrics}/readyz`)).text()) !== "not ready: ending\n");
    assert.equal((await node.end("SIGTERM")).code, 130);
    client.close();
    while (isAlive(pid));
  },
);

Deno.test(
  "zss node run tells systemd that it is ready, how it is, and that it ends",
  { ignore: !IS_LINUX },
  async () => {
    await using folder = await folderWith({ echo: { executable_path: "cat" } });
    const libc = Deno.dlopen("libc.so.6", {
      socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
      bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
      recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize", nonblocking: true },
      close: { parameters: ["i32"], result: "i32" },
    });
    try {
      for (const address of [join(folder.path, "notify"), `@zss-e2e-${Deno.pid}`]) {
        const fd = libc.symbols.socket(1, 2, 0);
        const name = socketAddress(address);
        assert.equal(libc.symbols.bind(fd, name, name.length), 0);
        const buffer = new Uint8Array(4096);
        const next = async () =>
          new TextDecoder().decode(buffer.subarray(0, Number(await libc.symbols.recv(fd, buffer, 4096n, 0))));
        const node = new Program(STANDALONE, {
          cwd: folder.path,
          env: { NOTIFY_SOCKET: address, WATCHDOG_USEC: "600000000" },
        });
        assert.equal(await next(), "WATCHDOG=1");
        assert.match(await next(), /^READY=1\nSTATUS=zss node listening on ws:/);
        assert.equal((await node.end("SIGTERM")).code, 0);
        assert.equal(await next(), "STOPPING=1\nSTATUS=zss node: ending");
        libc.symbols.close(fd);
      }
    } finally {
      libc.close();
    }
  },
);

Deno.test("zss node run takes the invite of a file that was replaced meanwhile, once it is started again", async () => {
  await using scene = await Scene.open();
  const file = join(scene.folder, "invite");
  const args = ["node", "run", "--control-url", scene.url, "--invite-token-file", file, "--state-file", "state.json"];
  const node = scene.start(args);
  await node.printed(/cannot pair: Cannot read the token file .*\[invite_unreadable\]/);
  await node.end("SIGTERM");
  await writeFile(file, (await scene.client("node", "invite", "-o", "name")).stdout);
  await scene.start(args).printed(/zss node node-1 \(.*\) paired/);
});
