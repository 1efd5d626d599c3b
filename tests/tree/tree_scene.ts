/**
 * A server with nodes in this process, for tests of the whole way through the tree.
 *
 * @module
 */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ControlConnection, WorldTree } from "../../control/client/mod.ts";
import { type RunningServer, startServer, systemRandom, watchConfigFrom } from "../../control/server/mod.ts";
import { memoryStore } from "../../control/store/memory.ts";
import { systemClock } from "../../drivers/process/mod.ts";
import { runNode } from "../../runtime/node.ts";
import { RawClient } from "../e2e/raw_client.ts";

/** The admin's token. */
export const ADMIN = "sw-admin_of-the-world-tests";

/** A node that runs. */
export interface SceneNode {
  readonly name: string;
  readonly node_id: string;
  /** Folder that it exports as `work`. */
  readonly work: string;
  stop(): Promise<void>;
}

/** A node that does not run. */
export interface JoinedNode {
  readonly node_id: string;
  readonly node_secret: string;
  /** Publishes its catalog. */
  publish(services: readonly unknown[]): Promise<unknown>;
}

/** A server, and what was started beside it. */
export class TreeScene implements AsyncDisposable {
  readonly folder: string;
  readonly #server: RunningServer;
  readonly #open: ControlConnection[] = [];
  readonly #raw: RawClient[] = [];
  readonly #nodes: SceneNode[] = [];

  private constructor(folder: string, server: RunningServer) {
    this.folder = folder;
    this.#server = server;
  }

  static async open(): Promise<TreeScene> {
    const folder = await mkdtemp(join(tmpdir(), "zss-world-"));
    const server = await startServer({
      ...{ bind: "127.0.0.1", port: 0, dataDir: join(folder, "data"), adminToken: ADMIN, maxAnonymousSockets: 64 },
      ...{ pingIntervalMs: 20_000, offlineGraceMs: 86_400_000, watch: watchConfigFrom({}) },
    }, { clock: systemClock, random: systemRandom, store: memoryStore({ epoch: "e" }) });
    return new TreeScene(folder, server);
  }

  get url(): string {
    return this.#server.url;
  }

  async connect(token: string = ADMIN): Promise<ControlConnection> {
    const connection = await ControlConnection.open({ url: this.url, token, clock: systemClock });
    this.#open.push(connection);
    return connection;
  }

  /** Connects as a user of this name, whose token is made. */
  async user(name: string): Promise<ControlConnection> {
    const admin = await this.connect();
    return await this.connect(String((await admin.call("token_create", { name, role: "user" }))["token"]));
  }

  async tree(connection?: ControlConnection): Promise<WorldTree> {
    return await WorldTree.over(connection ?? await this.connect());
  }

  async raw(token: string = ADMIN): Promise<RawClient> {
    const raw = await RawClient.open(this.url, token);
    this.#raw.push(raw);
    return raw;
  }

  /** A connection without a token. */
  async anonymous(): Promise<RawClient> {
    const raw = await RawClient.open(this.url, undefined);
    this.#raw.push(raw);
    return raw;
  }

  /** Joins a node that does not run: its catalog is what is published for it. */
  async join(services: readonly unknown[] = [], lease_ttl_ms = 900_000): Promise<JoinedNode> {
    const admin = await this.connect();
    const { invite_token } = await admin.call("node_invite_create", {});
    const joined = await admin.call("node_join", { invite_token, fs_url: "", lease_ttl_ms });
    const node_id = String(joined["node_id"]);
    const node_secret = String(joined["node_secret"]);
    const publish = (list: readonly unknown[]) =>
      admin.call("node_service_upsert", { node_id, node_secret, services: list });
    if (services.length > 0) await publish(services);
    return { node_id, node_secret, publish };
  }

  /**
   * Starts a node with an exported folder and services whose drivers are shell scripts.
   *
   * @param via Address by which it reaches the server.
   */
  async startNode(
    name: string,
    manifests: readonly Record<string, unknown>[] = [],
    exportMode: "ro" | "rw" = "ro",
    via = this.url,
  ): Promise<SceneNode> {
    const home = join(this.folder, name);
    const work = join(home, "work");
    const services = join(home, "services.d");
    await mkdir(work, { recursive: true });
    await mkdir(services);
    for (const manifest of manifests) {
      await writeFile(join(services, `${manifest["service_id"]}.json`), JSON.stringify(manifest));
    }
    return await this.#run(name, exportMode, via);
  }

  /** Starts a node again that was stopped. */
  async resume(node: SceneNode): Promise<SceneNode> {
    return await this.#run(node.name, "ro");
  }

  async #run(name: string, exportMode: "ro" | "rw", via = this.url): Promise<SceneNode> {
    const home = join(this.folder, name);
    const work = join(home, "work");
    const services = join(home, "services.d");
    const admin = await this.connect();
    const { invite_token } = await admin.call("node_invite_create", {});
    const stop = new AbortController();
    const online = Promise.withResolvers<string>();
    let nodeId = "";
    const ended = runNode(
      {
        ...{ controlUrl: via, token: undefined, pairMode: "invite", inviteToken: String(invite_token) },
        ...{
          nodeName: name,
          exports: [{ name: "work", path: work, mode: exportMode }],
          manifestFiles: [],
          manifestDirs: [services],
        },
        ...{ stateFile: join(home, "state.json"), labels: {}, fsService: true, leaseTtlMs: 900_000 },
        ...{ refreshIntervalMs: 60_000, reloadIntervalMs: 60_000, backoff: { baseMs: 20, maxMs: 100 } },
      },
      {
        clock: systemClock,
        random: () => 0,
        newCallId: callIds(),
        cwd: home,
        env: { PATH: process.env["PATH"] },
        version: "0.0.0",
        platform: { os: "linux", arch: "x86_64", runtime_kind: "native" },
        report: (event) => {
          if (event.type === "paired") nodeId = event.node_id;
          if (event.type === "online") online.resolve(nodeId);
        },
      },
      stop.signal,
    );
    const node_id = await Promise.race([online.promise, ended.then(() => "")]);
    const node = {
      name,
      node_id,
      work,
      async stop() {
        stop.abort();
        await ended;
      },
    };
    this.#nodes.push(node);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#open) connection.close();
    for (const raw of this.#raw) raw.close();
    await Promise.all(this.#nodes.map((node) => node.stop()));
    await this.#server.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

function callIds(): () => string {
  let count = 0;
  return () => `c-${++count}`;
}

/** Manifest of a service that runs a shell script. */
export function shellService(
  service_id: string,
  script: string,
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    service_id,
    kind: "tool",
    capabilities: { invoke: true },
    permissions: { default: "allow-by-default" },
    mounts: [{ mount_id: service_id, mount_path: `/nodes/{node_id}/${service_id}` }],
    runtime: { type: "native_proc", executable_path: "sh", args: ["-c", script] },
    ...more,
  };
}
