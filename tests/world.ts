/**
 * A server in the process of a test.
 *
 * @module
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ControlConnection } from "../control/client/mod.ts";
import {
  type RunningServer,
  type ServerConfig,
  startServer,
  systemRandom,
  watchConfigFrom,
} from "../control/server/mod.ts";
import { memoryStore } from "../control/store/memory.ts";
import type { Store } from "../control/store/store.ts";
import { systemClock } from "../drivers/process/mod.ts";

/** A payload. */
export type Answer = Record<string, unknown>;

/** The admin token of every world. */
export const ADMIN = "sw-admin_of-the-conformance-tests";

/** A server in this process, and the connections to it; all gone at the end of the block. */
export class World implements AsyncDisposable {
  #server: RunningServer;
  readonly #folder: string;
  readonly #open: ControlConnection[] = [];

  private constructor(server: RunningServer, folder: string) {
    this.#server = server;
    this.#folder = folder;
  }

  static async open(config: Partial<ServerConfig> = {}, store?: Store, agents?: string): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), "zss-conformance-"));
    if (agents !== undefined) await writeFile(join(folder, "agents.json"), agents);
    return new World(await World.#start(folder, config, store), folder);
  }

  static #start(folder: string, config: Partial<ServerConfig>, store?: Store): Promise<RunningServer> {
    return startServer({
      ...{ bind: "127.0.0.1", port: 0, dataDir: folder, adminToken: ADMIN, maxAnonymousSockets: 256 },
      ...{ pingIntervalMs: 20_000, offlineGraceMs: 86_400_000, watch: watchConfigFrom({}), ...config },
    }, { clock: systemClock, random: systemRandom, ...(store === undefined ? {} : { store }) });
  }

  get url(): string {
    return this.#server.url;
  }

  async restart(): Promise<void> {
    for (const connection of this.#open.splice(0)) connection.close();
    await this.#server.close();
    this.#server = await World.#start(this.#folder, {});
  }

  async connect(token: string = ADMIN): Promise<ControlConnection> {
    const connection = await ControlConnection.open({ url: this.#server.url, token, clock: systemClock });
    this.#open.push(connection);
    return connection;
  }

  async user(admin: ControlConnection, name: string): Promise<ControlConnection> {
    return await this.connect(String((await admin.call("token_create", { name, role: "user" }))["token"]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#open) connection.close();
    await this.#server.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Joins a node with an invite. */
export async function joined(admin: ControlConnection, name?: string): Promise<Answer> {
  const { invite_token } = await admin.call("node_invite_create", {});
  return await admin.call("node_join", { invite_token, node_name: name, fs_url: "ws://127.0.0.1:18891/v2/fs" });
}

/** Binds the main session of a connection. */
export async function attach(
  connection: ControlConnection,
  agent_id: string,
  project_id: unknown,
  more: Answer = {},
): Promise<Answer> {
  return await connection.call("session_attach", { session_key: "main", agent_id, project_id, ...more });
}

/** A test in a world of its own with nothing on disk but its audit log. */
export function inWorld(name: string, body: (world: World, admin: ControlConnection) => Promise<void>): void {
  Deno.test(name, async () => {
    await using world = await World.open({}, memoryStore({ epoch: "e" }));
    await body(world, await world.connect());
  });
}
