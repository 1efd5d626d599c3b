import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ControlConnection, FsClient } from "../control/client/mod.ts";
import { isObject } from "../control/protocol/mod.ts";
import { type RunningServer, startServer, systemRandom, watchConfigFrom } from "../control/server/mod.ts";
import { ManualClock } from "../drivers/process/manual_clock.ts";
import { type NodeEvent, type NodeOptions, runNode } from "./node.ts";
import { readNodeState } from "./state/node_state.ts";

/** A server, a folder for one node, and the node when it runs. */
class Scene implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly folder: string;
  readonly services: string;
  readonly stateFile: string;
  #server: RunningServer;
  running: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;
  #calls = 0;

  private constructor(folder: string, server: RunningServer) {
    this.folder = folder;
    this.services = join(folder, "services.d");
    this.stateFile = join(folder, "state.json");
    this.#server = server;
  }

  static async open(): Promise<Scene> {
    const folder = await mkdtemp(join(tmpdir(), "zss-node-"));
    const scene = new Scene(folder, await serverIn(join(folder, "data"), 0));
    await mkdir(scene.services);
    return scene;
  }

  get url(): string {
    return this.#server.url;
  }

  /** Puts a server that knows nothing in the place of the one that ran. */
  async replaceServer(): Promise<void> {
    await this.#server.close();
    this.#server = await serverIn(join(this.folder, "other"), Number(new URL(this.url).port));
  }

  async manifest(service_id: string, runtime: object = {}, members: object = {}): Promise<void> {
    const program = { type: "native_proc", executable_path: "cat", ...runtime };
    const manifest = { service_id, kind: "echo", runtime: program, ...members };
    await writeFile(join(this.services, `${service_id}.json`), JSON.stringify(manifest));
  }

  /** The program of a manifest: a script in the folder of the node. */
  async script(name: string, text: string): Promise<{ executable_path: string; cwd: string }> {
    await writeFile(join(this.folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return { executable_path: `./${name}`, cwd: this.folder };
  }

  /** The entry of a service as it is published now. */
  async entry(node_id: string, service_id = "echo"): Promise<Record<string, unknown>> {
    const admin = await this.admin();
    const { services } = await admin.call("node_service_get", { node_id });
    admin.close();
    assert(Array.isArray(services));
    const entry: unknown = services.find((each: unknown) => isObject(each) && each["service_id"] === service_id);
    assert(isObject(entry), `no service ${service_id}`);
    return entry;
  }

  /** The events of the node so far, as `kind:state of echo`. */
  async history(node_id: string): Promise<string[]> {
    const admin = await this.admin();
    const { events } = await admin.call("node_service_events", { node_id, limit: 1000 });
    admin.close();
    assert(Array.isArray(events));
    return events.map((each: unknown) => {
      assert(isObject(each) && isObject(each["event"]) && Array.isArray(each["services"]));
      const echo: unknown = each["services"].find((one: unknown) => isObject(one) && one["service_id"] === "echo");
      return `${each["event"]["kind"]}${isObject(echo) ? `:${echo["state"]}` : ""}`;
    });
  }

  admin(): Promise<ControlConnection> {
    return ControlConnection.open({ url: this.url, token: "admin", clock: this.clock });
  }

  async invite(): Promise<string> {
    const admin = await this.admin();
    const { invite_token } = await admin.call("node_invite_create", {});
    admin.close();
    await admin.ended;
    return String(invite_token);
  }

  /** Starts the node; `online` gives its events so far when it is online. */
  start(options: Partial<NodeOptions> = {}) {
    const events: NodeEvent[] = [];
    const stop = new AbortController();
    const online = Promise.withResolvers<readonly NodeEvent[]>();
    const lost = Promise.withResolvers<number>();
    const ended = runNode(
      {
        controlUrl: this.url,
        token: undefined,
        pairMode: "invite",
        inviteToken: undefined,
        nodeName: "edge",
        exports: [],
        manifestFiles: [],
        manifestDirs: [this.services],
        stateFile: this.stateFile,
        labels: {},
        fsService: true,
        leaseTtlMs: 900_000,
        refreshIntervalMs: 60_000,
        reloadIntervalMs: 2_000,
        backoff: { baseMs: 5_000, maxMs: 60_000 },
        ...options,
      },
      {
        clock: this.clock,
        random: () => 0,
        newCallId: () => `c-${++this.#calls}`,
        cwd: this.folder,
        env: { PATH: process.env["PATH"] },
        version: "0.1.0",
        platform: { os: "linux", arch: "x86_64", runtime_kind: "native" },
        report: (event) => {
          events.push(event);
          if (event.type === "online") online.resolve(events);
          if (event.type === "lost") lost.resolve(event.retry_in_ms);
        },
      },
      stop.signal,
    );
    this.running = { stop, ended };
    const isOnline = () => Promise.race([online.promise, ended.then(() => events)]);
    return { online: isOnline, lost: lost.promise, ended, events, stop };
  }

  async stop(): Promise<void> {
    this.running?.stop.abort();
    await this.running?.ended;
    this.running = undefined;
  }

  files(node_id: string): Promise<FsClient> {
    return FsClient.open({ url: this.url, token: "admin", node_id, clock: this.clock });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.running?.stop.abort();
    await this.running?.ended.catch(() => undefined);
    await this.#server.close();
    await rm(this.folder, { recursive: true });
  }
}

function serverIn(dataDir: string, port: number): Promise<RunningServer> {
  return startServer({
    bind: "127.0.0.1",
    port,
    dataDir,
    adminToken: "admin",
    maxAnonymousSockets: 256,
    pingIntervalMs: 20_000,
    offlineGraceMs: 86_400_000,
    watch: watchConfigFrom({}),
  }, { clock: new ManualClock(), random: systemRandom });
}

function pairedIn(events: readonly NodeEvent[]): { node_id: string; resumed: boolean } {
  const event = events.find((each) => each.type === "paired");
  assert(event?.type === "paired");
  return event;
}

async function textAt(client: FsClient, name: string): Promise<string> {
  return new TextDecoder().decode(await client.read(await client.walk("svc-echo", [name])));
}

Deno.test("runNode() serves manifests, and after a restart is the same node with the same counters and results", async () => {
  await using scene = await Scene.open();
  await scene.manifest("echo");
  const first = scene.start({ inviteToken: await scene.invite() });
  const { node_id, resumed } = pairedIn(await first.online());
  assert.equal(resumed, false);
  let client = await scene.files(node_id);
  const invoke = await client.walk("svc-echo", ["control", "invoke.json"]);
  const { n, call_id } = await client.write(invoke, new TextEncoder().encode('{"text":"hello"}'));
  assert.deepEqual([n, call_id], [16, "c-1"]);
  assert.equal(await textAt(client, "result.json"), '{"text":"hello"}');
  client.close();
  await scene.stop();

  const second = scene.start();
  assert.deepEqual(pairedIn(await second.online()), { ...pairedIn(first.events), resumed: true });
  client = await scene.files(node_id);
  assert.equal(await textAt(client, "result.json"), '{"text":"hello"}');
  assert.match(await textAt(client, "metrics.json"), /^\{"invokes_total":1,"failures_total":0,/);
  client.close();
});

Deno.test("runNode() refuses a manifest whose tree would have the name of an export, and serves the rest", async () => {
  await using scene = await Scene.open();
  for (const id of ["camera", "echo"]) await scene.manifest(id);
  const exports = [{ name: "svc-camera", path: scene.services, mode: "ro" as const }];
  const { online } = scene.start({ inviteToken: await scene.invite(), exports });
  const events = await online();
  const findings = events.flatMap((event) => event.type === "findings" ? event.findings : []);
  assert.deepEqual(findings.map(({ message }) => message), ['service_id "camera" is taken by the export "svc-camera"']);
  const client = await scene.files(pairedIn(events).node_id);
  assert.deepEqual((await client.exports()).map(({ name }) => name), ["svc-camera", "svc-echo"]);
  client.close();
});

/** Lets the real world go on until something has come about. */
async function until(isDone: () => boolean | Promise<boolean>): Promise<void> {
  while (!await isDone()) await new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test("runNode() asks to join when the server knows neither it nor its invite, and keeps what it was", async () => {
  await using scene = await Scene.open();
  const { online, lost, events } = scene.start({ inviteToken: await scene.invite() });
  await online();
  const { node_secret } = await readNodeState(scene.stateFile);
  await scene.replaceServer();
  scene.clock.advance(await lost);
  await until(() => events.some(({ type }) => type === "asks_to_join"));
  assert.deepEqual(events.slice(-3).map(({ type }) => type), ["identity_lost", "invite_unusable", "asks_to_join"]);
  assert.equal((await readNodeState(`${scene.stateFile}.lost`)).node_secret, node_secret);
  assert.equal((await readNodeState(scene.stateFile)).node_secret, null);
});

Deno.test("runNode() asks to join, shows a code, goes on asking after a restart, and is in once an admin approves", async () => {
  await using scene = await Scene.open();
  const first = scene.start({ pairMode: "request" });
  await until(() => first.events.length > 0);
  const [asked] = first.events;
  assert.match(asked?.type === "asks_to_join" ? asked.code : "", /^[2-9A-Z]{3}-[2-9A-Z]{3}$/);
  first.stop.abort();
  await first.ended;
  const again = scene.start({ pairMode: "request" });
  await until(() => again.events.length > 0);
  const [resumed] = again.events;
  assert.deepEqual(
    [resumed?.type === "asks_to_join" && resumed.request_id],
    [asked?.type === "asks_to_join" && asked.request_id],
  );
  const admin = await scene.admin();
  const approved = await admin.call("node_join_approve", { request_id: "pending-join-1" });
  admin.close();
  await until(() => (scene.clock.advance(2_000), again.events.some(({ type }) => type === "paired")));
  const { node_id, node_secret } = await readNodeState(scene.stateFile);
  assert.equal(node_id, approved["node_id"]);
  // Whoever approved has seen another secret than the one that is good.
  assert.notEqual(node_secret, approved["node_secret"]);
});

Deno.test("runNode() ends when its request is denied", async () => {
  await using scene = await Scene.open();
  const { ended, events } = scene.start({ pairMode: "request" });
  const denied = assert.rejects(ended, { code: "join_denied" });
  await until(() => events.length > 0);
  const admin = await scene.admin();
  await admin.call("node_join_deny", { request_id: "pending-join-1" });
  admin.close();
  let isOver = false;
  void denied.then(() => isOver = true);
  await until(() => (scene.clock.advance(2_000), isOver));
});

Deno.test("runNode() goes on without a bearer token that the server does not take", async () => {
  await using scene = await Scene.open();
  const { online } = scene.start({ inviteToken: await scene.invite(), token: "sw-admin_of-another-server" });
  assert.ok((await online()).some(({ type }) => type === "token_refused"));
});

Deno.test("runNode() says once that its first invite is unusable, and takes a better one within a minute", async () => {
  await using scene = await Scene.open();
  const used = await scene.invite();
  await scene.start({ inviteToken: used, stateFile: join(scene.folder, "other.json") }).online();
  await scene.stop();
  let tries = 0;
  let invite = used;
  const inviteToken = () => {
    tries++;
    return Promise.resolve(invite);
  };
  let waits = 0;
  const after = scene.clock.after.bind(scene.clock);
  scene.clock.after = (delayMs, action) => {
    if (delayMs === 60_000) waits++;
    return after(delayMs, action);
  };
  const { online, events } = scene.start({ inviteToken });
  await until(() => waits === 1);
  assert.deepEqual(events.map(({ type }) => type), ["invite_refused"]);
  assert.match(events[0]?.type === "invite_refused" ? events[0].reason : "", /was used by node-1/);
  scene.clock.advance(59_999);
  assert.equal(tries, 1);
  scene.clock.advance(1);
  await until(() => waits === 2);
  assert.deepEqual([tries, events.length], [2, 1]);
  invite = "inv-nobody-made-it";
  scene.clock.advance(60_000);
  await until(() => waits === 3);
  assert.match(events[1]?.type === "invite_refused" ? events[1].reason : "", /invite/);
  invite = await scene.invite();
  scene.clock.advance(60_000);
  await online();
});

Deno.test("runNode() lets a run end before it does, and its server's clients read what came of it", async () => {
  await using scene = await Scene.open();
  const go = join(scene.folder, "go");
  const args = ["-c", `until [ -e "${go}" ]; do sleep 0.01; done; cat`];
  const runtime = { type: "native_proc", executable_path: "sh", args };
  await writeFile(join(scene.services, "echo.json"), JSON.stringify({ service_id: "echo", kind: "echo", runtime }));
  const { online, ended, stop } = scene.start({ inviteToken: await scene.invite() });
  const client = await scene.files(pairedIn(await online()).node_id);
  const invoke = await client.walk("svc-echo", ["control", "invoke.json"]);
  const answer = client.write(invoke, new TextEncoder().encode('{"text":"last"}'));
  while (!(await textAt(client, "status.json")).includes('"running"'));
  stop.abort();
  await writeFile(go, "");
  assert.equal((await answer).call_id, "c-1");
  assert.equal(await textAt(client, "result.json"), '{"text":"last"}');
  let isOver = false;
  void ended.then(() => isOver = true);
  await until(() => (scene.clock.advance(250), isOver));
  client.close();
});

Deno.test("runNode() names what is missing when it has neither an identity nor an invite", async () => {
  await using scene = await Scene.open();
  await assert.rejects(scene.start().ended, (error) => {
    assert(error instanceof Error && "code" in error && "hint" in error);
    assert.equal(error.code, "usage");
    assert.match(String(error.hint), /--invite-token/);
    return true;
  });
});

Deno.test("runNode() refuses two exports of one name before it pairs", async () => {
  await using scene = await Scene.open();
  const twice = [".", scene.services].map((path) => ({ name: "work", path, mode: "ro" as const }));
  await assert.rejects(scene.start({ exports: twice }).ended, { code: "duplicate_export" });
});

Deno.test("runNode() keeps its identity to its owner", async () => {
  await using scene = await Scene.open();
  await scene.start({ inviteToken: await scene.invite() }).online();
  const state: unknown = JSON.parse(await readFile(scene.stateFile, "utf8"));
  assert(isObject(state) && typeof state["node_secret"] === "string");
  if (process.platform !== "win32") assert.equal((await Deno.stat(scene.stateFile)).mode, 0o100600);
});

function statusOf(entry: Record<string, unknown>): Record<string, unknown> {
  const { runtime } = entry;
  assert(isObject(runtime) && isObject(runtime["supervision_status"]));
  return runtime["supervision_status"];
}

function published(events: readonly NodeEvent[]): number {
  return events.filter(({ type }) => type === "published").length;
}

async function write(client: FsClient, name: string, text: string): Promise<Record<string, unknown>> {
  return { ...await client.write(await client.walk("svc-echo", ["control", name]), new TextEncoder().encode(text)) };
}

Deno.test("syncServiceRuntimeManagerFromRegistry probes runtime drivers", async () => {
  await using scene = await Scene.open();
  await scene.manifest("echo", await scene.script("driver.sh", "cat"));
  const { online, events } = scene.start({ inviteToken: await scene.invite() });
  const { node_id } = pairedIn(await online());
  const before = await scene.entry(node_id);
  assert.deepEqual([before["state"], statusOf(before)["running"], statusOf(before)["last_error"]], [
    "online",
    true,
    null,
  ]);
  const known = published(events);
  await rm(join(scene.folder, "driver.sh"));
  scene.clock.advance(5_000);
  await until(() => published(events) > known);
  const gone = await scene.entry(node_id);
  assert.deepEqual([gone["state"], statusOf(gone)["running"]], ["degraded", false]);
  assert.match(String(statusOf(gone)["last_error"]), /driver\.sh/);
  assert(Array.isArray(gone["mounts"]));
  assert.deepEqual(gone["mounts"].map(({ state }) => state), ["degraded"]);
  await scene.script("driver.sh", "cat");
  await until(() => (scene.clock.advance(500), published(events) > known + 1));
  const back = await scene.entry(node_id);
  assert.deepEqual([back["state"], statusOf(back)["last_error"]], ["online", null]);
  assert.deepEqual(await scene.history(node_id), ["join", "upsert:online", "upsert:degraded", "upsert:online"]);
});

Deno.test("runNode() publishes what runs and operators make of a service, each transition as one event", async () => {
  await using scene = await Scene.open();
  await scene.manifest("echo", { executable_path: "sh", args: ["-c", "echo no lens >&2; exit 7"] });
  const { online, events } = scene.start({ inviteToken: await scene.invite() });
  const { node_id } = pairedIn(await online());
  const client = await scene.files(node_id);
  const step = async (file: string, text = "") => {
    const known = published(events);
    await write(client, file, text);
    await until(() => published(events) > known);
    return statusOf(await scene.entry(node_id));
  };
  const failed = await step("invoke.json", "{}");
  assert.deepEqual([failed["state"], failed["consecutive_failures"], failed["running"]], ["degraded", 1, true]);
  assert.match(String(failed["last_error"]), /"sh" exited with code 7 after \d+ ms: no lens$/);
  const off = await step("disable");
  assert.deepEqual([off["state"], off["enabled"], off["running"]], ["offline", false, false]);
  const on = await step("enable");
  assert.deepEqual([on["state"], on["enabled"], on["last_error"]], ["online", true, null]);
  client.close();
  assert.deepEqual(await scene.history(node_id), [
    "join",
    "upsert:online",
    "upsert:degraded",
    "upsert:offline",
    "upsert:online",
  ]);
});

Deno.test("runNode() applies a change of one manifest as one event, and leaves every other service alone", async () => {
  await using scene = await Scene.open();
  for (const id of ["echo", "other"]) await scene.manifest(id);
  const { online, events } = scene.start({ inviteToken: await scene.invite() });
  const { node_id } = pairedIn(await online());
  const client = await scene.files(node_id);
  await write(client, "invoke.json", '{"kept":1}');
  const other = await client.walk("svc-other", ["result.json"]);
  const changed = async (version: string) => {
    const known = published(events);
    await scene.manifest("echo", {}, { version });
    await until(() => (scene.clock.advance(500), published(events) > known));
  };
  await changed("2");
  assert.equal((await scene.entry(node_id))["version"], "2");
  assert.equal(await textAt(client, "result.json"), '{"kept":1}');
  assert.equal(new TextDecoder().decode(await client.read(other)), '{"state":"idle"}');
  await changed("3");
  // In steps that leave a look at a driver the time that it takes.
  for (let step = 0; step < 30; step++) {
    scene.clock.advance(1_000);
    await textAt(client, "result.json");
  }
  client.close();
  assert.deepEqual(await scene.history(node_id), ["join", "upsert:online", "upsert:online", "upsert:online"]);
});

Deno.test("runNode() keeps the last good version of an invalid manifest and says so in the catalog and in the files", async () => {
  await using scene = await Scene.open();
  await scene.manifest("echo", {}, { version: "1" });
  const { online, events } = scene.start({ inviteToken: await scene.invite() });
  const { node_id } = pairedIn(await online());
  const step = async () => {
    const known = published(events);
    await until(() => (scene.clock.advance(500), published(events) > known));
    const entry = await scene.entry(node_id);
    return { version: entry["version"], reload_error: isObject(entry["runtime"]) && entry["runtime"]["reload_error"] };
  };
  const client = await scene.files(node_id);
  await writeFile(join(scene.services, "echo.json"), '{"service_id":"echo"}');
  const bad = await step();
  assert.equal(bad.version, "1");
  assert.match(String(bad.reload_error), /echo\.json:1:1: .*kind/);
  for (const name of ["status.json", "health.json"]) {
    assert.match(await textAt(client, name), /"reload_error":".*echo\.json:1:1/, name);
  }
  await write(client, "invoke.json", "{}");
  assert.match(await textAt(client, "status.json"), /^\{"state":"ok".*"reload_error":/);
  await scene.manifest("echo", {}, { version: "2" });
  assert.deepEqual(await step(), { version: "2", reload_error: undefined });
  assert.doesNotMatch(await textAt(client, "status.json"), /reload_error/);
  client.close();
  assert.deepEqual(await scene.history(node_id), ["join", "upsert:online", "upsert:online", "upsert:online"]);
});

Deno.test("runNode() keeps services whose folder is away, and what is known of one whose manifest comes back", async () => {
  await using scene = await Scene.open();
  await scene.manifest("echo");
  const { online, events } = scene.start({ inviteToken: await scene.invite() });
  const { node_id } = pairedIn(await online());
  const step = async (change: () => Promise<unknown>) => {
    const known = published(events);
    await change();
    await until(() => (scene.clock.advance(500), published(events) > known));
  };
  const client = await scene.files(node_id);
  await step(() => write(client, "disable", "1"));
  const aside = join(scene.folder, "aside");
  await step(() => rename(scene.services, aside));
  const { state, runtime } = await scene.entry(node_id);
  assert.equal(state, "offline");
  assert.match(isObject(runtime) ? String(runtime["reload_error"]) : "", /services\.d:1:1: .*cannot be listed/);
  await step(() => rename(aside, scene.services));
  await step(() => rm(join(scene.services, "echo.json")));
  await assert.rejects(scene.entry(node_id), /no service echo/);
  await step(() => scene.manifest("echo"));
  assert.equal((await scene.entry(node_id))["state"], "offline");
  client.close();
});

Deno.test("runNode() runs what a manifest declares as its probe, and publishes that it fails", async () => {
  await using scene = await Scene.open();
  const runtime = await scene.script("driver.sh", "test -e lens || { echo no lens >&2; exit 3; }; cat");
  await scene.manifest("echo", { ...runtime, probe: { payload: { ping: true } } });
  const { online } = scene.start({ inviteToken: await scene.invite() });
  const { node_id } = pairedIn(await online());
  const bad = statusOf(await scene.entry(node_id));
  assert.equal(bad["state"], "degraded");
  assert.match(String(bad["last_error"]), /^probe failed: .*exited with code 3/);
  await writeFile(join(scene.folder, "lens"), "");
  // A look that began before may still be told of first.
  await until(async () => (scene.clock.advance(500), statusOf(await scene.entry(node_id))["state"] === "online"));
});

Deno.test("runNode() answers a run that is under way when it is told to end, takes no new one, and is offline then", async () => {
  await using scene = await Scene.open();
  await scene.manifest("echo", await scene.script("driver.sh", "while [ ! -e go ]; do sleep 0.01; done; cat"));
  const { online, stop, ended } = scene.start({ inviteToken: await scene.invite() });
  const { node_id } = pairedIn(await online());
  const client = await scene.files(node_id);
  const answer = write(client, "invoke.json", '{"last":true}');
  await until(async () => /running/.test(await textAt(client, "status.json")));
  stop.abort();
  await assert.rejects(write(client, "invoke.json", "{}"), /service is stopping/);
  await writeFile(join(scene.folder, "go"), "");
  assert.equal((await answer)["n"], 13);
  assert.equal(await textAt(client, "result.json"), '{"last":true}');
  let isOver = false;
  void ended.then(() => isOver = true);
  await until(() => (scene.clock.advance(100), isOver));
  client.close();
  assert.equal((await scene.history(node_id)).at(-1), "offline:online");
  const kept = JSON.parse(await readFile(`${scene.stateFile}.runtime-services.json`, "utf8"));
  assert.equal(kept.services[0].result_json, '{"last":true}');
});

Deno.test("runNode() refuses a state file that another node uses, and lets that one be", async () => {
  await using scene = await Scene.open();
  const inviteToken = await scene.invite();
  const { online, events } = scene.start({ inviteToken });
  await online();
  const first = scene.running;
  const stateFile = join(scene.folder, "link.json");
  await symlink(scene.stateFile, stateFile);
  await assert.rejects(scene.start({ inviteToken, stateFile }).ended, { code: "state_in_use" });
  await assert.rejects(scene.start({ inviteToken }).ended, { code: "state_in_use", message: /process \d+ runs/ });
  assert.ok(!events.some(({ type }) => type === "lost"));
  scene.running = first;
});

Deno.test("runNode() comes by the node that a join has made whose answer it never got", async () => {
  await using scene = await Scene.open();
  const inviteToken = await scene.invite();
  const admin = await scene.admin();
  // What a node has done that was killed right after its join.
  const { node_id } = await admin.call("node_join", { invite_token: inviteToken, join_key: "join-kept" });
  admin.close();
  await writeFile(scene.stateFile, '{"schema":1,"node_id":null,"node_secret":null,"join_key":"join-kept"}');
  assert.equal(pairedIn(await scene.start({ inviteToken }).online()).node_id, node_id);
  assert.doesNotMatch(await readFile(scene.stateFile, "utf8"), /join-kept/);
});

Deno.test("runNode() keeps the key of its join before it joins", async () => {
  await using scene = await Scene.open();
  const { events } = scene.start({ inviteToken: "inv-unknown" });
  await until(() => events.some(({ type }) => type === "invite_refused"));
  assert.match(JSON.parse(await readFile(scene.stateFile, "utf8")).join_key, /^join-[0-9a-f]{32}$/);
});

Deno.test("native_proc namespace export is built only when executable path is provided", async () => {
  await using scene = await Scene.open();
  await scene.manifest("echo", { timeout_ms: 15_000 }, {
    schema: { model: "m" },
    invoke_template: { text: "hello" },
  });
  await writeFile(
    join(scene.services, "bare.json"),
    '{"service_id":"bare","kind":"x","runtime":{"type":"native_proc"}}',
  );
  const { online } = scene.start({ inviteToken: await scene.invite() });
  const { node_id } = pairedIn(await online());
  const client = await scene.files(node_id);
  const exports = await client.exports();
  assert.deepEqual(exports.map(({ name, source_id }) => [name, source_id]), [["svc-echo", "service:echo"]]);
  assert.equal(await textAt(client, "SCHEMA.json"), '{"model":"m"}');
  assert.equal(await textAt(client, "TEMPLATE.json"), '{"text":"hello"}');
  assert.match(await textAt(client, "health.json"), /"timeout_ms":15000/);
  client.close();
  assert.equal((await scene.entry(node_id, "bare"))["state"], "online");
});
