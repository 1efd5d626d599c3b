/**
 * What a thousand services cost a node: to load their manifests, to notice that
 * one of them has changed, and to hold them while nothing happens.
 *
 * The node of the second bench runs whole, against a server in this process; its
 * interval is an hour, so what it notices it was told by the system. The peers are
 * what any program would have to do: parse the same files, and have the system
 * say that one of them was written.
 *
 * @module
 */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ControlConnection } from "../control/client/mod.ts";
import { type RunningServer, startServer, systemRandom, watchConfigFrom } from "../control/server/mod.ts";
import { systemClock } from "../drivers/process/mod.ts";
import { ManifestSet } from "../runtime/manifest/mod.ts";
import { type NodeEvent, runNode } from "../runtime/node.ts";
import { benchNode } from "./bench_node.ts";
import type { Bench, Field } from "./harness.ts";
import { sampleManifest } from "./sample_manifest.ts";

const SERVICES = 1_000;
const RESTING = fileURLToPath(new URL("bench_node.ts", import.meta.url));

let scenes: Scene[] = [];

const cleanUp = async () => {
  for (const scene of scenes) await scene.close();
  scenes = [];
};

/** A folder of manifests, and a server. */
class Scene {
  readonly folder = mkdtempSync(join(tmpdir(), "zss-bench-"));
  readonly services = join(this.folder, "services.d");
  readonly ends: (() => Promise<unknown>)[] = [];
  server: RunningServer | undefined;

  constructor(count = SERVICES) {
    scenes.push(this);
    mkdirSync(this.services);
    for (let index = 0; index < count; index++) this.write(index, "1");
  }

  file(index: number): string {
    return join(this.services, `service-${String(index).padStart(4, "0")}.json`);
  }

  write(index: number, version: string): void {
    const manifest = JSON.parse(sampleManifest(index));
    writeFileSync(this.file(index), JSON.stringify({ ...manifest, version, runtime: { ...manifest.runtime, ...CAT } }));
  }

  /** Starts the server and gives an invite. */
  async invite(): Promise<{ readonly url: string; readonly token: string }> {
    this.server ??= await startServer({
      bind: "127.0.0.1",
      port: 0,
      dataDir: join(this.folder, "data"),
      adminToken: "admin",
      maxAnonymousSockets: 256,
      pingIntervalMs: 20_000,
      offlineGraceMs: 86_400_000,
      watch: watchConfigFrom({}),
    }, { clock: systemClock, random: systemRandom });
    const { url } = this.server;
    const admin = await ControlConnection.open({ url, token: "admin", clock: systemClock });
    const { invite_token } = await admin.call("node_invite_create", {});
    admin.close();
    return { url, token: String(invite_token) };
  }

  async close(): Promise<void> {
    for (const end of this.ends.toReversed()) await end();
    await this.server?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A program that every machine has, so that no service is found missing. */
const CAT = { executable_path: "cat", args: [] };

/** A thousand manifests, read and checked. */
export const nodeLoad: Bench = {
  name: "node_load",
  unit: "ms",
  rounds: 7,
  cleanUp,
  prepare() {
    const scene = new Scene();
    const options = { files: [], dirs: [scene.services], nodeId: "node-1", reserved: [] };
    const warm = new ManifestSet({ now: () => Date.now() + 10_000, monotonic: () => performance.now() });
    warm.load(options);
    let turn = 0;
    const field: Field = {
      peer: "JSON.parse of each",
      contenders: [
        timed("JSON.parse of each", () => {
          for (const name of readdirSync(scene.services)) JSON.parse(readFileSync(join(scene.services, name), "utf8"));
        }),
        timed("load, first time", () => {
          const { services } = new ManifestSet({ now: () => Date.now(), monotonic: () => performance.now() }).load(
            options,
          );
          if (services.length !== SERVICES) throw new Error(`${services.length} were loaded`);
        }),
        timed("load again, nothing changed", () => {
          warm.load(options);
        }),
        {
          name: "load again, one changed",
          measure: () => {
            scene.write(7, `v${++turn}`);
            const start = performance.now();
            const { services } = warm.load(options);
            const took = performance.now() - start;
            if (services[7]?.service.version !== `v${turn}`) throw new Error("the change was not seen");
            return Promise.resolve(took);
          },
        },
      ],
      notes: [`${SERVICES} manifests of about 1 KB`],
    };
    return Promise.resolve(field);
  },
};

function timed(name: string, work: () => void) {
  return {
    name,
    measure: () => {
      const start = performance.now();
      work();
      return Promise.resolve(performance.now() - start);
    },
  };
}

/** From the write of one manifest of a thousand to the server's acknowledgement of the new catalog. */
export const nodeReload: Bench = {
  name: "node_reload",
  unit: "ms",
  rounds: 15,
  cleanUp,
  async prepare() {
    const scene = new Scene();
    const { url, token } = await scene.invite();
    const stop = new AbortController();
    let onEvent: (event: NodeEvent) => void = () => {};
    const online = Promise.withResolvers<void>();
    const began = performance.now();
    const running = runNode(
      ...benchNode({ url, token, services: scene.services, stateFile: join(scene.folder, "state.json") }, (event) => {
        if (event.type === "online") online.resolve();
        onEvent(event);
      }),
      stop.signal,
    );
    scene.ends.push(() => {
      stop.abort();
      return running;
    });
    await Promise.race([online.promise, running]);
    const onlineMs = performance.now() - began;
    // The watch stands from the first wait on.
    await new Promise((resolve) => setTimeout(resolve, 500));
    let turn = 0;
    return {
      peer: "the system says that a file was written",
      contenders: [
        {
          name: "the system says that a file was written",
          async measure() {
            using watcher = Deno.watchFs(scene.folder, { recursive: false });
            const start = performance.now();
            writeFileSync(join(scene.folder, `touched-${++turn}`), "");
            for await (const { kind } of watcher) if (kind !== "access") break;
            return performance.now() - start;
          },
        },
        ...(["reloaded", "published"] as const).map((wanted) => ({
          name: `one changed manifest is ${wanted === "reloaded" ? "in use" : "published"}`,
          async measure() {
            const seen = Promise.withResolvers<number>();
            const published = Promise.withResolvers<void>();
            onEvent = ({ type }) => {
              if (type === wanted) seen.resolve(performance.now());
              if (type === "published") published.resolve();
            };
            const start = performance.now();
            scene.write(7, `v${++turn}`);
            await published.promise;
            return await seen.promise - start;
          },
        })),
      ],
      notes: [
        `a node with ${SERVICES} services; 30 ms of it wait for whoever writes in pieces`,
        "the server, which takes the whole catalog of 1.2 MB, runs in the same process",
        `from its start to online: ${Math.round(onlineMs)} ms, every driver looked at`,
      ],
    };
  },
};

/** What a node at rest holds: its heap after everything that can go is gone. */
export const nodeMemory: Bench = {
  name: "node_memory",
  unit: "MB",
  rounds: 3,
  cleanUp,
  async prepare() {
    const peer = "no service";
    const many = `${SERVICES} idle services`;
    const resident = new Map<string, number>();
    const contender = async (name: string, scene: Scene) => {
      const measure = async () => {
        const { live, rss } = await restingNode(scene);
        resident.set(name, rss);
        return live;
      };
      await measure();
      return { name, measure };
    };
    const contenders = [await contender(peer, new Scene(0)), await contender(many, new Scene())];
    const more = (resident.get(many) ?? 0) - (resident.get(peer) ?? 0);
    return {
      peer,
      contenders,
      notes: [
        `the difference in MB is what each of ${SERVICES} services holds in KB`,
        `resident memory, with what the collector has not given back: ${more.toFixed(0)} MB more with the services`,
      ],
    };
  },
};

async function restingNode(scene: Scene): Promise<{ readonly live: number; readonly rss: number }> {
  const { url, token } = await scene.invite();
  const stateFile = join(scene.folder, `state-${crypto.randomUUID()}.json`);
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--v8-flags=--expose-gc", RESTING, url, token, scene.services, stateFile],
    stdin: "null",
    stderr: "inherit",
  }).output();
  if (code !== 0) throw new Error(`Cannot measure a node at rest: it ended with ${code}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}
