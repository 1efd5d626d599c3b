import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { FsClient, openSocket } from "../control/client/mod.ts";
import { ManualClock } from "../drivers/process/manual_clock.ts";
import { NodeMeters } from "./metrics/node_meters.ts";
import type { NodeEvent, NodeParts } from "./node.ts";
import { runStandaloneNode, type StandaloneOptions } from "./standalone_node.ts";

/** A folder for a node, and the node when it runs. */
class Scene implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly folder: string;
  readonly services: string;
  readonly events: NodeEvent[] = [];
  readonly meters = new NodeMeters({ version: "0", mode: "standalone" }, this.clock, () => 1);
  askReload: () => void = assert.fail;
  #running: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;
  #calls = 0;

  private constructor(folder: string) {
    this.folder = folder;
    this.services = join(folder, "services.d");
  }

  static async open(): Promise<Scene> {
    const scene = new Scene(await mkdtemp(join(tmpdir(), "zss-standalone-")));
    await mkdir(scene.services);
    return scene;
  }

  async manifest(service_id: string, executable_path = "cat", args: string[] = []): Promise<void> {
    const manifest = { service_id, kind: "echo", runtime: { type: "native_proc", executable_path, args } };
    await writeFile(join(this.services, `${service_id}.json`), JSON.stringify(manifest));
  }

  /** Starts the node; settles with its address. */
  async start(options: Partial<StandaloneOptions> = {}): Promise<string> {
    const stop = new AbortController();
    const listening = Promise.withResolvers<string>();
    const parts: NodeParts = {
      clock: this.clock,
      random: () => 0,
      newCallId: () => `c-${++this.#calls}`,
      cwd: this.folder,
      env: { PATH: process.env["PATH"] },
      version: "0.1.0",
      platform: { os: "linux", arch: "x86_64", runtime_kind: "native" },
      meters: this.meters,
      onReloadAsked: (listener) => {
        this.askReload = listener;
        return () => {};
      },
      report: (event) => {
        this.events.push(event);
        if (event.type === "listening") listening.resolve(event.url);
      },
    };
    const ended = runStandaloneNode(
      {
        nodeName: "lab",
        exports: [],
        manifestFiles: [],
        manifestDirs: [this.services],
        stateFile: join(this.folder, "state.json"),
        fsService: true,
        reloadIntervalMs: 2_000,
        endpoint: { bind: "127.0.0.1", port: 0, authToken: undefined },
        ...options,
      },
      parts,
      stop.signal,
    );
    this.#running = { stop, ended };
    return await Promise.race([listening.promise, ended.then(() => "ended")]);
  }

  /** Asks the node to end. */
  get ending(): Promise<void> {
    this.#running?.stop.abort();
    return this.#running?.ended ?? Promise.resolve();
  }

  async client(url: string): Promise<FsClient> {
    return await FsClient.over(await openSocket({ url }), { clock: this.clock });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ending.catch(() => {});
    await rm(this.folder, { recursive: true });
  }
}

async function invoke(client: FsClient, service: string, text = '{"text":"hello"}') {
  const node = await client.walk(service, ["control", "invoke.json"]);
  return await client.write(node, new TextEncoder().encode(text));
}

async function textAt(client: FsClient, service: string, ...path: string[]): Promise<string> {
  return new TextDecoder().decode(await client.read(await client.walk(service, path)));
}

/** Lets the real world go on until something has come about. */
async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test("runStandaloneNode() lists exported folders and services in one list, and keeps results over a restart", async () => {
  await using scene = await Scene.open();
  await scene.manifest("echo");
  const exports = [{ name: "work", path: scene.services, mode: "ro" as const }];
  let client = await scene.client(await scene.start({ exports }));
  assert.deepEqual((await client.exports()).map(({ name }) => name), ["work", "svc-echo"]);
  assert.deepEqual(await invoke(client, "svc-echo"), { n: 16, call_id: "c-1" });
  client.close();
  await scene.ending;

  client = await scene.client(await scene.start({ exports }));
  assert.equal(await textAt(client, "svc-echo", "result.json"), '{"text":"hello"}');
  assert.match(await textAt(client, "svc-echo", "metrics.json"), /^\{"invokes_total":1,/);
  client.close();
});

Deno.test("runStandaloneNode() takes a new manifest at the next look, or at once when asked", async () => {
  await using scene = await Scene.open();
  await scene.manifest("echo");
  const client = await scene.client(await scene.start());
  const handleBefore = await client.walk("svc-echo", ["result.json"]);
  await scene.manifest("camera");
  scene.clock.advance(2_000);
  await until(() => scene.events.some(({ type }) => type === "reloaded"));
  // There is nothing new yet, so nothing is reloaded.
  scene.askReload();
  await scene.manifest("printer");
  scene.askReload();
  const added = () => scene.events.flatMap((event) => event.type === "reloaded" ? [event.change.added] : []);
  await until(() => added().some((ids) => ids.includes("printer")));
  assert.deepEqual(added(), [["camera"], ["printer"]]);
  assert.deepEqual((await client.exports()).map(({ name }) => name), ["svc-echo", "svc-camera", "svc-printer"]);
  assert.equal(await client.walk("svc-echo", ["result.json"]), handleBefore);
  client.close();
});

Deno.test("runStandaloneNode() lets a run end before it does, and answers whoever waits for it", async () => {
  await using scene = await Scene.open();
  const go = join(scene.folder, "go");
  await scene.manifest("slow", "sh", ["-c", `until [ -e "${go}" ]; do sleep 0.01; done; cat`]);
  const client = await scene.client(await scene.start());
  const answer = invoke(client, "svc-slow");
  await until(() => scene.meters.numbers().services.some(({ running }) => running > 0));
  const ending = scene.ending;
  await assert.rejects(invoke(client, "svc-slow"), { errno: 11 });
  await writeFile(go, "");
  assert.deepEqual(await answer, { n: 16, call_id: "c-1" });
  assert.equal(await textAt(client, "svc-slow", "result.json"), '{"text":"hello"}');
  scene.clock.advance(250);
  await ending;
  client.close();
});

Deno.test("runStandaloneNode() ends a run that takes longer than the drain", async () => {
  await using scene = await Scene.open();
  await scene.manifest("slow", "sleep", ["1000"]);
  const client = await scene.client(await scene.start({ drainTimeoutMs: 3_000 }));
  const answer = invoke(client, "svc-slow");
  await until(() => scene.meters.numbers().services.some(({ running }) => running > 0));
  const ending = scene.ending;
  scene.clock.advance(3_000);
  await answer;
  assert.match(await textAt(client, "svc-slow", "status.json"), /"state":"error".*cancel/);
  scene.clock.advance(250);
  await ending;
  client.close();
});

Deno.test("runStandaloneNode() refuses to listen for everybody, before anything runs", async () => {
  await using scene = await Scene.open();
  const endpoint = { bind: "0.0.0.0", port: 0, authToken: undefined };
  await assert.rejects(scene.start({ endpoint }), { code: "insecure_bind" });
});

Deno.test("runStandaloneNode() gives nobody a terminal without a token, unless told otherwise", async () => {
  await using scene = await Scene.open();
  const terminalIds = ["1"];
  const endpoint = { bind: "127.0.0.1", port: 0, authToken: undefined };
  await assert.rejects(scene.start({ endpoint, terminalIds }), {
    code: "insecure_bind",
    message: /^Cannot offer a terminal without a token/,
  });
  assert.match(await scene.start({ endpoint: { ...endpoint, insecureBind: true }, terminalIds }), /^ws:/);
  await scene.ending;
  assert.match(await scene.start({ endpoint: { ...endpoint, authToken: "t" }, terminalIds }), /^ws:/);
});

Deno.test("NodeMeters counts runs by outcome and by runtime", async () => {
  await using scene = await Scene.open();
  await scene.manifest("echo");
  await scene.manifest("failing", "false");
  const client = await scene.client(await scene.start());
  await invoke(client, "svc-echo");
  await invoke(client, "svc-failing");
  const { runs, services, clients } = scene.meters.numbers();
  assert.deepEqual(runs, { ok_total: 1, errors_total: 1, timeouts_total: 0 });
  assert.deepEqual(services.map(({ service_id, failures_total, state }) => [service_id, failures_total, state]), [
    ["echo", 0, "online"],
    ["failing", 1, "degraded"],
  ]);
  assert.deepEqual(clients, { connected: 1, refused_total: 0, slow_total: 0 });
  assert.equal(scene.meters.durations.get("native_proc")?.count, 2);
  client.close();
});
