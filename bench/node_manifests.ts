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
import type { Bench, Field } from "./harness.ts";
import { sampleManifest } from "./sample_manifest.ts";

const SERVICES = 1_000;
const MAIN = fileURLToPath(new URL("../cli/main.ts", import.meta.url));
/** Time for a node to come to rest, in milliseconds. */
const REST_MS = 3_000;

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
    const warm = new ManifestSet(() => Date.now() + 10_000);
    warm.load(options);
    let turn = 0;
    const field: Field = {
      peer: "JSON.parse of each",
      contenders: [
        timed("JSON.parse of each", () => {
          for (const name of readdirSync(scene.services)) JSON.parse(readFileSync(join(scene.services, name), "utf8"));
        }),
        timed("load, first time", () => {
          const { services } = new ManifestSet(() => Date.now()).load(options);
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
      {
        controlUrl: url,
        token: undefined,
        pairMode: "invite",
        inviteToken: token,
        nodeName: "bench",
        exports: [],
        manifestFiles: [],
        manifestDirs: [scene.services],
        stateFile: join(scene.folder, "state.json"),
        labels: {},
        fsService: true,
        leaseTtlMs: 900_000,
        refreshIntervalMs: 600_000,
        reloadIntervalMs: 3_600_000,
        backoff: { baseMs: 500, maxMs: 1_000 },
      },
      {
        clock: systemClock,
        random: Math.random,
        newCallId: () => crypto.randomUUID(),
        cwd: scene.folder,
        env: Deno.env.toObject(),
        version: "bench",
        platform: { os: "linux", arch: "x86_64", runtime_kind: "native" },
        report: (event) => {
          if (event.type === "online") online.resolve();
          onEvent(event);
        },
      },
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
        {
          name: "one changed manifest is published",
          async measure() {
            const published = Promise.withResolvers<void>();
            onEvent = ({ type }) => type === "published" && published.resolve();
            const start = performance.now();
            scene.write(7, `v${++turn}`);
            await published.promise;
            return performance.now() - start;
          },
        },
      ],
      notes: [
        `a node with ${SERVICES} services; 30 ms of it wait for whoever writes in pieces`,
        `from its start to online: ${Math.round(onlineMs)} ms, every driver looked at`,
      ],
    };
  },
};

/** Resident memory of a node at rest; Linux only. */
export const nodeMemory: Bench = {
  name: "node_memory",
  unit: "MB",
  rounds: 3,
  cleanUp,
  async prepare() {
    if (Deno.build.os !== "linux") return "resident memory is read on Linux only";
    const few = new Scene(0);
    const many = new Scene();
    const peer = "no service";
    const sizes: Record<string, number[]> = {};
    const contender = (name: string, scene: Scene) => ({
      name,
      async measure() {
        const size = await restingMegabytes(scene);
        (sizes[name] ??= []).push(size);
        return size;
      },
    });
    await few.invite();
    return {
      peer,
      contenders: [contender(peer, few), contender(`${SERVICES} idle services`, many)],
      notes: [`the difference is that of ${SERVICES} services: as many MB of it, as many KB for each`],
    };
  },
};

async function restingMegabytes(scene: Scene): Promise<number> {
  const { url, token } = await scene.invite();
  const state = join(scene.folder, `state-${crypto.randomUUID()}.json`);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", MAIN, "node", "run", "--control-url", url, "--invite-token", token],
      ...["--services-dir", scene.services, "--state-file", state],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  try {
    let said = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      said += text;
      if (said.includes("zss node online")) break;
    }
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_000;
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}
