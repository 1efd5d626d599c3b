import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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
  #running: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;
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

  async manifest(service_id: string): Promise<void> {
    const manifest = { service_id, kind: "echo", runtime: { type: "native_proc", executable_path: "cat" } };
    await writeFile(join(this.services, `${service_id}.json`), JSON.stringify(manifest));
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
    this.#running = { stop, ended };
    const isOnline = () => Promise.race([online.promise, ended.then(() => events)]);
    return { online: isOnline, lost: lost.promise, ended, events, stop };
  }

  async stop(): Promise<void> {
    this.#running?.stop.abort();
    await this.#running?.ended;
    this.#running = undefined;
  }

  files(node_id: string): Promise<FsClient> {
    return FsClient.open({ url: this.url, token: "admin", node_id, clock: this.clock });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#running?.stop.abort();
    await this.#running?.ended.catch(() => undefined);
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
  const exports = [{ name: "svc-camera", path: scene.services, mode: undefined }];
  const { online } = scene.start({ inviteToken: await scene.invite(), exports });
  const events = await online();
  const findings = events.flatMap((event) => event.type === "findings" ? event.findings : []);
  assert.deepEqual(findings.map(({ message }) => message), ['service_id "camera" is taken by the export "svc-camera"']);
  const client = await scene.files(pairedIn(events).node_id);
  assert.deepEqual((await client.exports()).map(({ name }) => name), ["svc-camera", "svc-echo"]);
  client.close();
});

/** Lets the real world go on until something has come about. */
async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 1));
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
  const twice = [".", scene.services].map((path) => ({ name: "work", path, mode: undefined }));
  await assert.rejects(scene.start({ exports: twice }).ended, { code: "duplicate_export" });
});

Deno.test("runNode() keeps its identity to its owner", async () => {
  await using scene = await Scene.open();
  await scene.start({ inviteToken: await scene.invite() }).online();
  const state: unknown = JSON.parse(await readFile(scene.stateFile, "utf8"));
  assert(isObject(state) && typeof state["node_secret"] === "string");
  if (process.platform !== "win32") assert.equal((await Deno.stat(scene.stateFile)).mode, 0o100600);
});
