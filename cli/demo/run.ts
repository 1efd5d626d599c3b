/**
 * The demo: a server, a node and a watcher on this machine, and what they do together.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ControlConnection, FsClient } from "../../control/client/mod.ts";
import { isObject } from "../../control/protocol/envelope.ts";
import { ZssError } from "../../control/protocol/errors.ts";
import { eventLine } from "../render/event.ts";
import type { CliIo } from "../io.ts";
import { type Paint, paintFor } from "../paint.ts";
import { DemoChild } from "./child.ts";
import { demoManifests } from "./services.ts";

/** How long the demo waits for something that has to happen, in milliseconds. */
const WAIT_MS = 20_000;

/** Everything that the demo has started. */
interface Stage {
  readonly io: CliIo;
  readonly paint: Paint;
  readonly folder: string;
  readonly token: string;
  readonly url: string;
  readonly control: ControlConnection;
  readonly events: EventLog;
  readonly nodeId: string;
}

/**
 * Runs the demo.
 *
 * @param once Ends after the last step instead of waiting for Ctrl-C.
 * @throws {ZssError} `demo_failed`, with the name of the step.
 */
export async function runDemo(io: CliIo, once: boolean): Promise<void> {
  const paint = paintFor(io.stdout, io.env);
  // From here on an interruption is heeded, so that the folder and the children are never left behind.
  void io.interrupted;
  const folder = await mkdtemp(join(tmpdir(), "zss-demo-"));
  const children: DemoChild[] = [];
  const connections: { close(): void }[] = [];
  const line = (name: string, text: string) => io.stdout.write(`  ${paint.bold(name.padEnd(10))}  ${text}\n`);
  try {
    io.stdout.write(`\nzss demo: a server, a node and a watcher, all on this machine\n\n`);
    const token = `sw-admin_${randomBytes(24).toString("base64url")}`;
    await writeFile(join(folder, "admin-token"), `${token}\n`, { mode: 0o600 });
    await mkdir(join(folder, "services.d"));
    await mkdir(join(folder, "work"));
    await writeFile(join(folder, "work", "readme.txt"), "This folder is served by the demo's node.\n");
    await Promise.all(Object.entries(demoManifests).map(([name, manifest]) => writeManifest(folder, name, manifest)));

    const { server, url } = await step("listening", async () => {
      const server = await DemoChild.start("server", serverArgs(folder, 0), { ZSS_ADMIN_TOKEN: token }, io.clock);
      children.push(server);
      const [, url = ""] = await server.printed(/listening on (ws:\/\/\S+)/);
      line("listening", url);
      return { server, url };
    });
    const control = await step("watching", async () => {
      const connection = await ControlConnection.open({ url, token, clock: io.clock });
      connections.push(connection);
      return connection;
    });
    const events = new EventLog(control, io, (text) => line("event", paint.dim(text)));
    await step("watching", () => control.call("node_service_watch", {}));

    const invite = await step("invited", async () => {
      const answer = await control.call("node_invite_create", {});
      line("invited", `${answer["invite_id"]}, good for one node`);
      return String(answer["invite_token"]);
    });
    const nodeId = await step("paired", async () => {
      const node = await DemoChild.start("node", nodeArgs(folder, url, invite), {}, io.clock);
      children.push(node);
      const [, id = "", name = ""] = await node.printed(/zss node (\S+) \((\S+)\) paired/);
      line("paired", `${id} (${name})`);
      await node.printed(/zss node online/);
      return id;
    });
    const stage: Stage = { io, paint, folder, token, url, control, events, nodeId };
    await step("online", () => showServices(stage, line));
    const files = await step("files", async () => {
      const client = await FsClient.open({ url, token, node_id: nodeId, clock: io.clock });
      connections.push(client);
      return client;
    });
    await step("invoke", () => invokeEcho(files, line));
    await step("failure", () => invokeFailing(files, line));
    await step("reload", () => reloadManifest(stage, line));
    io.stdout.write("\n");
    if (once) {
      io.stdout.write(`${paint.green("all steps passed")}\n`);
      return;
    }
    showAround(stage);
    await stayUp(stage, server, children, line);
  } finally {
    for (const connection of connections) connection.close();
    // The node first: it has nobody to talk to once the server is gone.
    for (const child of children.toReversed()) {
      await child.stop();
    }
    await rm(folder, { recursive: true, force: true });
  }
}

type Line = (name: string, text: string) => void;

/** Runs one step and names it when it fails. */
async function step<T>(name: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    const { message, hint } = error instanceof ZssError ? error : { message: String(error), hint: undefined };
    throw new ZssError("demo_failed", `Cannot finish step "${name}": ${message}`, { hint, cause: error });
  }
}

async function showServices({ control, nodeId }: Stage, line: Line): Promise<void> {
  const catalog = await control.call("node_service_get", { node_id: nodeId });
  const ids = (Array.isArray(catalog["services"]) ? catalog["services"] : []).filter(isObject).map((s) =>
    s["service_id"]
  );
  expect(
    ids.join(" ") === "fs echo failing slow",
    `the services fs echo failing slow are wanted, ${ids.join(" ")} found`,
  );
  line("online", `${ids.join(", ")}  (disabled.json stays away)`);
}

async function invokeEcho(files: FsClient, line: Line): Promise<void> {
  const { status, result } = await invoke(files, "svc-echo", { text: "hello" });
  const echoed = isObject(result["echo"]) ? result["echo"]["text"] : undefined;
  expect(
    status["state"] === "ok" && echoed === "hello",
    `status ${JSON.stringify(status)} and result ${JSON.stringify(result)}`,
  );
  line("invoke", `echo {"text":"hello"} -> ${JSON.stringify(result["echo"])}, ${status["duration_ms"]} ms`);
}

async function invokeFailing(files: FsClient, line: Line): Promise<void> {
  const { status } = await invoke(files, "svc-failing", { message: "the lens cap is on" });
  const lastError = await readText(files, "svc-failing", "last_error.txt");
  const expected = status["state"] === "error" && status["exit_code"] === 3 && lastError.includes("the lens cap is on");
  expect(expected, `status ${JSON.stringify(status)} and last_error ${JSON.stringify(lastError)}`);
  line("failure", `failing exits with code ${status["exit_code"]}, last_error.txt: ${lastError.trim()}`);
}

async function reloadManifest({ folder, events, nodeId }: Stage, line: Line): Promise<void> {
  const seen = events.count;
  await writeManifest(folder, "echo.json", { ...demoManifests["echo.json"], version: "2" });
  await events.after(seen, (event) => {
    const delta = isObject(event["service_delta"]) ? event["service_delta"] : {};
    const updated = Array.isArray(delta["updated"]) ? delta["updated"].filter(isObject) : [];
    const echo = updated.find((entry) => entry["service_id"] === "echo");
    return event["node_id"] === nodeId && echo?.["previous_version"] === "1" && echo["version"] === "2";
  });
  line("reload", "echo.json edited: echo 1 -> 2, without a restart");
}

async function invoke(
  files: FsClient,
  name: string,
  payload: unknown,
): Promise<{ status: Record<string, unknown>; result: Record<string, unknown> }> {
  const node = await files.walk(name, ["control", "invoke.json"]);
  await files.write(node, new TextEncoder().encode(JSON.stringify(payload)));
  const [status, result] = await Promise.all(["status.json", "result.json"].map((file) => readText(files, name, file)));
  return { status: JSON.parse(status ?? ""), result: JSON.parse(result ?? "") };
}

async function readText(files: FsClient, name: string, file: string): Promise<string> {
  return new TextDecoder().decode(await files.read(await files.walk(name, [file])));
}

function expect(condition: boolean, found: string): void {
  if (!condition) throw new ZssError("demo_failed", `Something else was expected: ${found}`);
}

/** The events that the watcher has seen. */
class EventLog {
  readonly #events: Record<string, unknown>[] = [];
  readonly #io: CliIo;
  #wake: () => void = () => {};

  constructor(control: ControlConnection, io: CliIo, show: (text: string) => void) {
    this.#io = io;
    control.onPush((frame) => {
      if (frame.type !== "control.node_service_event" || !isObject(frame.payload)) return;
      this.#events.push(frame.payload);
      show(eventLine(frame.payload).trim());
      this.#wake();
    });
  }

  get count(): number {
    return this.#events.length;
  }

  /** The first event behind the first `count` that `wanted` accepts. */
  async after(count: number, wanted: (event: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    let late = false;
    const cancel = this.#io.clock.after(WAIT_MS, () => {
      late = true;
      this.#wake();
    });
    try {
      for (;;) {
        const found = this.#events.slice(count).find(wanted);
        if (found !== undefined) return found;
        if (late) throw new ZssError("demo_failed", `Cannot see the event: none came within ${WAIT_MS / 1000} s`);
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      cancel();
    }
  }
}

function serverArgs(folder: string, port: number): string[] {
  return [
    "server",
    "--port",
    String(port),
    "--data-dir",
    join(folder, "data"),
    "--ready-file",
    join(folder, "ready.json"),
  ];
}

function nodeArgs(folder: string, url: string, invite: string): string[] {
  return [
    ...[
      "node",
      "run",
      "--control-url",
      url,
      "--pair-mode",
      "invite",
      "--invite-token",
      invite,
      "--node-name",
      "demo-node",
    ],
    ...[
      "--services-dir",
      join(folder, "services.d"),
      "--export",
      `work=${join(folder, "work")}:ro`,
      "--label",
      "site=demo",
    ],
    ...["--state-file", join(folder, "node-state.json"), "--manifest-reload-interval-ms", "200"],
    ...["--reconnect-backoff-ms", "200", "--reconnect-backoff-max-ms", "2000"],
  ];
}

async function writeManifest(folder: string, name: string, manifest: unknown): Promise<void> {
  await writeFile(join(folder, "services.d", name), JSON.stringify(manifest, null, 2) + "\n");
}

function showAround({ io, paint, folder, url, nodeId }: Stage): void {
  const flags = `--url ${url} --token-file ${join(folder, "admin-token")}`;
  io.stdout.write(`Everything stays up. In another terminal:\n\n`);
  for (
    const command of [
      `zss node list ${flags}`,
      `zss node watch ${flags}`,
      `zss node service-runtime ${nodeId} echo invoke '{"text":"hi"}' ${flags}`,
      `edit ${join(folder, "services.d", "echo.json")} and see the event here`,
    ]
  ) io.stdout.write(`  ${paint.dim("$")} ${command}\n`);
  io.stdout.write(`\nCtrl-C ends the demo and removes ${folder}\n\n`);
}

/** Waits for Ctrl-C; a server that dies meanwhile is started again on its port, and the node comes back by itself. */
async function stayUp(stage: Stage, server: DemoChild, children: DemoChild[], line: Line): Promise<void> {
  const { io, folder, token } = stage;
  const { url } = JSON.parse(await readFile(join(folder, "ready.json"), "utf8")) as { url: string };
  const port = Number(new URL(url).port);
  const interrupted = new Promise<"interrupted">((resolve) => {
    if (io.interrupted.aborted) resolve("interrupted");
    else io.interrupted.addEventListener("abort", () => resolve("interrupted"), { once: true });
  });
  let current = server;
  for (;;) {
    const how = await Promise.race([interrupted, current.ended]);
    if (how === "interrupted") return;
    line("server", `ended (${how}); starting it again on port ${port}`);
    current = await DemoChild.start("server", serverArgs(folder, port), { ZSS_ADMIN_TOKEN: token }, io.clock);
    children.unshift(current);
    await current.printed(/listening on/);
    line("server", "back; the node reconnects by itself, the watch above has ended");
  }
}
