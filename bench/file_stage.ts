/**
 * What the benches of files run on: server, nodes and a bare WebSocket as
 * processes of their own, and clients of them here.
 *
 * @module
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ControlConnection, FsClient, openSocket, type TextSocket, WorldTree } from "../control/client/mod.ts";
import { fsRequestFrame } from "../control/protocol/mod.ts";
import { systemClock } from "../drivers/process/mod.ts";
import { until } from "./brokers.ts";
import { freePort } from "./raw_socket.ts";

const MAIN = fileURLToPath(new URL("../cli/main.ts", import.meta.url));
const ECHO = fileURLToPath(new URL("./echo_server.ts", import.meta.url));
const TOKEN = "sw-admin_for-the-benches-of-zss";
/** Size of the file `big` of every node, in bytes. */
export const FILE_BYTES = 10_000_000;
/** So many calls are timed for one middle. */
export const CALLS = 400;

/** What runs while a bench does; {@linkcode FileStage.end} ends it all. */
export class FileStage {
  readonly folder = mkdtempSync(join(tmpdir(), "zss-bench-files-"));
  readonly #children: Deno.ChildProcess[] = [];
  readonly #closing: (() => void)[] = [];
  readonly #port = freePort();

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  async startServer(): Promise<void> {
    const data = join(this.folder, "data");
    this.#start([MAIN, "server", "--port", String(this.#port), "--data-dir", data], { ZSS_ADMIN_TOKEN: TOKEN });
    await untilListening(this.#port);
  }

  /**
   * Starts a node that exports a folder with a file of {@linkcode FILE_BYTES} and a small one; returns its id.
   *
   * @param manifests Of services that it runs besides.
   * @param fill Puts more into the folder.
   */
  async startNode(
    manifests: readonly Record<string, unknown>[] = [],
    fill: (work: string) => void = () => {},
  ): Promise<string> {
    const control = await this.control();
    const { invite_token } = await control.call("node_invite_create", {});
    const before = new Set(await nodeIds(control));
    const work = join(this.folder, `work-${before.size}`);
    mkdirSync(work);
    writeFileSync(join(work, "big"), new Uint8Array(FILE_BYTES).map((_, at) => at * 31 + (at >> 8)));
    writeFileSync(join(work, "small"), "small");
    fill(work);
    const services = join(this.folder, `services-${before.size}`);
    mkdirSync(services);
    for (const manifest of manifests) {
      writeFileSync(join(services, `${manifest["service_id"]}.json`), JSON.stringify(manifest));
    }
    this.#start([
      ...[MAIN, "node", "run", "--control-url", this.url, "--invite-token", String(invite_token)],
      ...["--state-file", join(this.folder, `state-${before.size}.json`), "--export", `work=${work}`],
      ...["--services-dir", services],
    ]);
    for (;;) {
      const fresh = (await nodeIds(control)).find((id) => !before.has(id));
      if (fresh !== undefined) {
        // Paired is not yet connected.
        const client = await this.files(fresh).catch(() => undefined);
        const { services } = await control.call("node_service_get", { node_id: fresh });
        const isPublished = Array.isArray(services) && services.length > manifests.length;
        if (client !== undefined && isPublished) return fresh;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async control(): Promise<ControlConnection> {
    const control = await ControlConnection.open({ url: this.url, token: TOKEN, clock: systemClock });
    this.#closing.push(() => control.close());
    return control;
  }

  async files(node_id: string): Promise<FsClient> {
    const client = await FsClient.open({ url: this.url, token: TOKEN, node_id, clock: systemClock });
    this.#closing.push(() => client.close());
    return client;
  }

  /** The tree of the world over a connection of its own. */
  async tree(): Promise<WorldTree> {
    const tree = await WorldTree.open({ url: this.url, token: TOKEN });
    this.#closing.push(() => void tree.close());
    return tree;
  }

  /** A node that says hello and then nothing more. */
  async startSilentNode(): Promise<string> {
    const control = await this.control();
    const { invite_token } = await control.call("node_invite_create", {});
    const { node_id, node_secret } = await control.call("node_join", { invite_token });
    const socket = await openSocket({ url: `${this.url}/v2/node` });
    this.#closing.push(() => socket.close());
    const ready = new Promise<void>((resolve) => socket.onText(() => resolve()));
    socket.send(fsRequestFrame("fs_hello", 1, {}, { protocol: "unified-v2-fs", proto: 2, node_id, node_secret }));
    await ready;
    return String(node_id);
  }

  async startEcho(): Promise<TextSocket> {
    const port = freePort();
    this.#start([ECHO, String(port)]);
    await untilListening(port);
    const socket = await openSocket({ url: `ws://127.0.0.1:${port}` });
    this.#closing.push(() => socket.close());
    return socket;
  }

  /** A socket of the relay for requests that nobody will answer. */
  async rawFiles(nodeId: string): Promise<TextSocket> {
    const socket = await openSocket({ url: `${this.url}/v2/fs/node/${nodeId}`, token: TOKEN });
    this.#closing.push(() => socket.close());
    return socket;
  }

  /** Runs the program as somebody at a terminal would; returns what it wrote. */
  async run(args: readonly string[]): Promise<string> {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", MAIN, ...args],
      env: { ZSS_URL: this.url, ZSS_TOKEN: TOKEN },
      stderr: "inherit",
    });
    const { success, stdout } = await command.output();
    if (!success) throw new Error(`Cannot measure: zss ${args.join(" ")} failed`);
    return new TextDecoder().decode(stdout);
  }

  async end(): Promise<void> {
    for (const close of this.#closing.splice(0)) close();
    for (const child of this.#children.splice(0)) {
      child.kill("SIGKILL");
      await child.status;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  #start(args: readonly string[], env: Record<string, string> = {}): void {
    const stdio = { stdin: "null", stdout: "null", stderr: "null" } as const;
    const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", "--no-check", ...args], env, ...stdio });
    this.#children.push(command.spawn());
  }
}

async function nodeIds(control: ControlConnection): Promise<string[]> {
  const { nodes } = await control.call("node_list", {});
  return Array.isArray(nodes) ? nodes.map((node: { node_id: string }) => node.node_id) : [];
}

async function untilListening(port: number): Promise<void> {
  let isOpen = false;
  const knock = async () => {
    while (!isOpen) {
      await Deno.connect({ hostname: "127.0.0.1", port }).then((connection) => {
        connection.close();
        isOpen = true;
      }, () => new Promise((resolve) => setTimeout(resolve, 25)));
    }
  };
  void knock();
  await until(() => isOpen, `port ${port}`);
}

/** Sends a text and waits until it has come back. */
export async function echoed(socket: TextSocket, text: string): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.onText(() => resolve());
    socket.send(text);
  });
}

/** The middle of the times that `call` takes, in milliseconds. */
export async function middle(call: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < CALLS; at++) {
    const start = performance.now();
    await call();
    times.push(performance.now() - start);
  }
  return times.toSorted((one, other) => one - other)[CALLS >> 1] ?? 0;
}
