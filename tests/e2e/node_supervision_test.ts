/**
 * A node that is unattended, through the real program: killed, started twice,
 * told to end while it works, its manifests edited in every way that editors do.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { type Program, Scene } from "./program.ts";

/** How long a thing may take to come about, in milliseconds. */
const DEADLINE_MS = 20_000;

const echo = {
  service_id: "echo",
  kind: "echo",
  version: "1",
  runtime: { type: "native_proc", executable_path: "zss", args: ["driver", "echo"] },
};

const slow = {
  service_id: "slow",
  kind: "slow",
  runtime: { type: "native_proc", executable_path: "zss", args: ["driver", "sleep"] },
};

async function servicesDir(scene: Scene, ...services: readonly object[]): Promise<string> {
  const dir = join(scene.folder, "services.d");
  await mkdir(dir, { recursive: true });
  for (const service of services) await writeManifest(dir, service);
  return dir;
}

async function writeManifest(dir: string, service: object): Promise<void> {
  const { service_id } = service as { service_id: string };
  await writeFile(join(dir, `${service_id}.json`), JSON.stringify(service));
}

/** Asks again and again until the answer is the wanted one. */
async function until<Value>(
  what: string,
  ask: () => Promise<Value>,
  isWanted: (value: Value) => boolean,
): Promise<Value> {
  const end = Date.now() + DEADLINE_MS;
  for (;;) {
    const value = await ask();
    if (isWanted(value)) return value;
    if (Date.now() > end) throw new Error(`${what} did not come about: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** An operation on a service of the node. */
async function operate(scene: Scene, service: string, ...words: string[]): Promise<string> {
  const { stdout } = await scene.client("node", "service-runtime", "node-1", service, ...words);
  return stdout;
}

interface Entry {
  readonly service_id: string;
  readonly version: string;
  readonly state: string;
  readonly runtime: { readonly reload_error?: string; readonly supervision_status?: Record<string, unknown> };
}

async function entries(scene: Scene): Promise<Entry[]> {
  const { stdout, stderr } = await scene.client("node", "service-get", "node-1", "--json");
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout).services;
}

async function entry(scene: Scene, service_id = "echo"): Promise<Entry | undefined> {
  return (await entries(scene)).find((each) => each.service_id === service_id);
}

/** Kinds of the node's events, oldest first. */
async function kinds(scene: Scene): Promise<string[]> {
  const { stdout } = await scene.client("node", "events", "list", "--json");
  return JSON.parse(stdout).events.map(({ event }: { event: { kind: string } }) => event.kind);
}

/** Starts the node again, as it was. */
function again(scene: Scene, ...more: string[]): Program {
  const state = join(scene.folder, "node-state.json");
  return scene.start(["node", "run", "--control-url", scene.url, "--state-file", state, ...more]);
}

Deno.test("zss node run comes back after kill -9 with the counters, the result, the rules and the switches that its services had", async () => {
  await using scene = await Scene.open();
  const dir = await servicesDir(scene, echo, slow);
  const node = await scene.startNode("--services-dir", dir);
  await node.printed(/zss node online/);
  const payload = JSON.stringify({ text: "ä".repeat(100_000) });
  await writeFile(join(scene.folder, "large.json"), payload);
  await operate(scene, "echo", "invoke", `@${join(scene.folder, "large.json")}`);
  await operate(scene, "echo", "config-set", '{"mode":"safe","supervision":{"cooldown_ms":7}}');
  await operate(scene, "slow", "disable");
  const kept = `${join(scene.folder, "node-state.json")}.runtime-services.json`;
  await until("the state file", () => readFile(kept, "utf8").catch(() => ""), (text) => {
    return text.includes('"invokes_total":1') && text.includes('"enabled":false') && text.includes("cooldown_ms");
  });
  if (process.platform !== "win32") assert.equal((await stat(kept)).mode & 0o777, 0o600);
  const before = await operate(scene, "echo", "result");
  await node.end("SIGKILL");

  const second = again(scene, "--services-dir", dir);
  await second.printed(/node-1 \(edge\) resumed[\s\S]*online/);
  assert.equal(await operate(scene, "echo", "result"), before);
  assert.ok(before.length > 100_000);
  assert.equal(JSON.parse(await operate(scene, "echo", "metrics")).invokes_total, 1);
  assert.equal(JSON.parse(await operate(scene, "echo", "health")).supervision.cooldown_ms, 7);
  assert.deepEqual(JSON.parse(await operate(scene, "echo", "config-get")), {
    mode: "safe",
    supervision: { cooldown_ms: 7 },
  });
  assert.equal((await entry(scene, "slow"))?.state, "offline");
  assert.equal((await scene.client("node", "service-runtime", "node-1", "slow", "invoke", "{}")).code, 1);
});

Deno.test("zss node run refuses a state file that is in use, says by whom, and the first one goes on", async () => {
  await using scene = await Scene.open();
  const dir = await servicesDir(scene, echo);
  const node = await scene.startNode("--services-dir", dir);
  await node.printed(/zss node online/);
  const second = again(scene, "--services-dir", dir);
  assert.notEqual(await second.ended, 0);
  const refusal = new RegExp(`process ${node.child.pid} runs as this node[\\s\\S]*--state-file`);
  assert.match(second.stderr, refusal);
  const check = again(scene, "--services-dir", dir, "--check");
  assert.equal(await check.ended, 1);
  assert.match(check.stdout, refusal);
  assert.match(await operate(scene, "echo", "invoke", '{"text":"still here"}'), /still here/);
  await node.end("SIGKILL");
  await again(scene, "--services-dir", dir).printed(/online/);
});

Deno.test("zss node run ends what runs before it ends itself, and is offline at once", async () => {
  await using scene = await Scene.open();
  const dir = await servicesDir(scene, slow);
  const node = await scene.startNode("--services-dir", dir);
  await node.printed(/zss node online/);
  const invoked = operate(scene, "slow", "invoke", '{"sleep_ms":1500,"text":"done"}');
  await until("the run", () => operate(scene, "slow", "status"), (text) => text.includes('"running"'));
  const ended = node.end("SIGTERM");
  assert.match(await invoked, /done/);
  assert.equal((await ended).code, 0);
  assert.match((await scene.client("node", "list")).stdout, /^node-1 +edge +offline/m);
  assert.equal((await kinds(scene)).at(-1), "offline");
});

Deno.test("zss node run notices what editors do to manifests long before its interval, with one event for each change", async () => {
  await using scene = await Scene.open();
  const dir = await servicesDir(scene, echo);
  // Paired first, with the interval of the other tests; then as it is meant here.
  const paired = await scene.startNode("--services-dir", dir);
  await paired.printed(/zss node online/);
  await paired.end("SIGKILL");
  const node = again(scene, "--services-dir", dir, "--manifest-reload-interval-ms", "600000");
  await node.printed(/zss node online/);
  const before = (await kinds(scene)).length;
  const file = join(dir, "echo.json");
  const version = (wanted: string) =>
    until(`version ${wanted}`, () => entry(scene), (echo) => echo?.version === wanted);
  const text = (wanted: string) => JSON.stringify({ ...echo, version: wanted });

  await writeFile(file, text("2"));
  await version("2");
  // Renamed over, as most editors save.
  await writeFile(join(dir, ".echo.json.swp"), text("3"));
  await rename(join(dir, ".echo.json.swp"), file);
  await version("3");
  // Put aside first, as others do.
  await rename(file, `${file}~`);
  await writeFile(file, text("4"));
  await version("4");
  // In two writes.
  const half = text("5").length / 2;
  await writeFile(file, text("5").slice(0, half));
  await writeFile(file, text("5").slice(half), { flag: "a" });
  await version("5");
  await writeManifest(dir, slow);
  await until("a new one", () => entry(scene, "slow"), (slow) => slow !== undefined);
  await rm(join(dir, "slow.json"));
  await until("its end", () => entry(scene, "slow"), (slow) => slow === undefined);
  assert.deepEqual((await kinds(scene)).slice(before), Array(6).fill("upsert"));
});

Deno.test("zss node run follows a manifest that is a link to a file elsewhere, and what is written there", async () => {
  await using scene = await Scene.open();
  const dir = await servicesDir(scene);
  const node = await scene.startNode("--services-dir", dir);
  await node.printed(/zss node online/);
  const elsewhere = join(scene.folder, "elsewhere");
  for (const version of ["1", "2"]) await writeFile(`${elsewhere}-${version}`, JSON.stringify({ ...slow, version }));
  const version = (wanted: string) =>
    until(`version ${wanted}`, () => entry(scene, "slow"), (slow) => slow?.version === wanted);
  await symlink(`${elsewhere}-1`, join(dir, "linked.json"));
  await version("1");
  // As a mounted configuration is replaced: the new link is renamed over the old one.
  await symlink(`${elsewhere}-2`, join(dir, "next"));
  await rename(join(dir, "next"), join(dir, "linked.json"));
  await version("2");
  await writeFile(`${elsewhere}-2`, JSON.stringify({ ...slow, version: "3" }));
  await version("3");
  assert.deepEqual(await kinds(scene), ["join", "upsert", "upsert", "upsert", "upsert"]);
});

Deno.test("zss node run keeps the last good version of a manifest that is invalid now, and says so where people look", async () => {
  await using scene = await Scene.open();
  const dir = await servicesDir(scene, echo);
  const node = await scene.startNode("--services-dir", dir);
  await node.printed(/zss node online/);
  await writeFile(join(dir, "echo.json"), '{"service_id":"echo",');
  const bad = await until("the fault", () => entry(scene), (echo) => echo?.runtime.reload_error !== undefined);
  assert.match(String(bad?.runtime.reload_error), /echo\.json:1:\d+: /);
  assert.match(await operate(scene, "echo", "invoke", '{"text":"as before"}'), /as before/);
  assert.match(await operate(scene, "echo", "status"), /reload_error/);
  await writeManifest(dir, { ...echo, version: "2" });
  const good = await until("the mended one", () => entry(scene), (echo) => echo?.version === "2");
  assert.equal(good?.runtime.reload_error, undefined);
  assert.deepEqual(await kinds(scene), ["join", "upsert", "upsert", "upsert"]);
});

Deno.test("zss node run finds a folder of manifests that is made later", async () => {
  await using scene = await Scene.open();
  const node = await scene.startNode("--services-dir", join(scene.folder, "services.d"));
  await node.printed(/zss node online/);
  await servicesDir(scene, echo);
  await until("the service", () => entry(scene), (echo) => echo?.state === "online");
});

Deno.test("zss node run publishes its own catalog again after somebody else published in its name", async () => {
  await using scene = await Scene.open();
  const dir = await servicesDir(scene, echo);
  const node = await scene.startNode("--services-dir", dir, "--refresh-interval-ms", "200");
  await node.printed(/zss node online/);
  const { node_id, node_secret } = JSON.parse(await readFile(join(scene.folder, "node-state.json"), "utf8"));
  const secret = join(scene.folder, "secret");
  await writeFile(secret, node_secret);
  const { ControlConnection } = await import("../../control/client/mod.ts");
  const { systemClock } = await import("../../drivers/process/mod.ts");
  const stranger = await ControlConnection.open({ url: scene.url, token: undefined, clock: systemClock });
  await stranger.call("node_service_upsert", { node_id, node_secret, services: [] });
  stranger.close();
  await until("its own catalog", () => entries(scene), (all) => all.length === 2);
  assert.deepEqual(await kinds(scene), ["join", "upsert", "upsert", "upsert"]);
});

Deno.test("zss node run publishes that a program is gone and that it is there again", async () => {
  await using scene = await Scene.open();
  const program = join(scene.folder, "driver.sh");
  const write = () => writeFile(program, "#!/bin/sh\ncat\n", { mode: 0o755 });
  await write();
  const supervision = { health_check_interval_ms: 100, restart_backoff_ms: 50 };
  const dir = await servicesDir(scene, {
    ...echo,
    runtime: { type: "native_proc", executable_path: program, supervision },
  });
  const node = await scene.startNode("--services-dir", dir);
  await node.printed(/zss node online/);
  assert.equal((await entry(scene))?.state, "online");
  await rm(program);
  const gone = await until("degraded", () => entry(scene), (echo) => echo?.state === "degraded");
  assert.match(String(gone?.runtime.supervision_status?.["last_error"]), /driver\.sh/);
  await write();
  await until("online", () => entry(scene), (echo) => echo?.state === "online");
  await node.printed(/zss node: service "echo" is online again/);
  const told = node.stderr.split("\n").filter((line) => line.includes('service "echo" is'));
  assert.equal(told.length, 1, node.stderr);
  assert.match(told[0] ?? "", /is degraded: its driver cannot work, until it can: .*driver\.sh/);
});

Deno.test("zss node run says a finding once, also when another manifest changes", async () => {
  await using scene = await Scene.open();
  const dir = await servicesDir(scene, echo);
  await writeFile(join(dir, "one.json"), "[");
  const node = await scene.startNode("--services-dir", dir);
  await node.printed(/zss node online/);
  await writeFile(join(dir, "two.json"), "{");
  await node.printed(/two\.json/);
  await rm(join(dir, "two.json"));
  await node.printed(/zss node: some findings are gone, 1 error is left/);
  await rm(join(dir, "one.json"));
  await node.printed(/all manifests are in order again/);
  const lines = node.stderr.split("\n");
  for (const name of ["one.json", "two.json"]) {
    assert.equal(lines.filter((line) => line.includes(name)).length, 1, node.stderr);
  }
});
