/**
 * The tree of the world, the whole way through server and tunnel.
 *
 * `tree_stat` looks at a file of a node by its path, beside a WebSocket that
 * does nothing but answer. `tree_invoke` writes a payload to a service and reads
 * what became of it, on files that are held open, beside its driver alone.
 * `tree_walk` runs `zss fs tree` over ten thousand entries.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { ControlConnection } from "../control/client/mod.ts";
import { fsRequestFrame } from "../control/protocol/mod.ts";
import type { Driver } from "../drivers/driver.ts";
import { driverMaker } from "../drivers/mod.ts";
import { systemClock } from "../drivers/process/mod.ts";
import { CALLS, echoed, FileStage, middle } from "./file_stage.ts";
import type { Bench, Field } from "./harness.ts";

const ECHO_LINES = fileURLToPath(new URL("./peers/echo_lines.c", import.meta.url));
const PAYLOAD = `{"text":"${"x".repeat(189)}"}`;
const DIRECTORIES = 100;
const FILES_IN_EACH = 99;

let stage: FileStage | undefined;
let driver: Driver | undefined;

async function cleanUp(): Promise<void> {
  await driver?.close();
  await stage?.end();
  driver = stage = undefined;
}

/** How long a look at a file takes, by its path. */
const treeStat: Bench = {
  name: "tree_stat",
  unit: "ms",
  rounds: 7,
  cleanUp,
  async prepare(): Promise<Field> {
    stage = new FileStage();
    await stage.startServer();
    const nodeId = await stage.startNode();
    const tree = await stage.tree();
    const echo = await stage.startEcho();
    const text = fsRequestFrame("fs_getattr", 1, { node: 1n }, {});
    const look = (path: string) => () => middle(() => tree.stat(`/nodes/${nodeId}/${path}`));
    return {
      peer: "WebSocket round trip",
      contenders: [
        { name: "WebSocket round trip", measure: () => middle(() => echoed(echo, text)) },
        { name: "a file of the server", measure: look("NODE.json") },
        { name: "a file of an exported folder", measure: look("fs/work/small") },
      ],
      notes: [`the median of ${CALLS} in a row, one after the other; files_stat is the same by the file's id`],
    };
  },
};

/** How long an invoke takes, from the write to its result. */
const treeInvoke: Bench = {
  name: "tree_invoke",
  unit: "ms",
  rounds: 7,
  cleanUp,
  async prepare(): Promise<Field | string> {
    stage = new FileStage();
    const program = join(stage.folder, "echo_lines");
    try {
      execFileSync("cc", ["-O2", "-o", program, ECHO_LINES], { stdio: "pipe" });
    } catch (error) {
      return `the driver cannot be built: ${error instanceof Error ? error.message : error}`;
    }
    const runtime = { type: "native_proc", executable_path: program, mode: "persistent" } as const;
    driver = driverMaker(runtime, { clock: systemClock, cwd: stage.folder, env: process.env, allowInproc: false })?.();
    const alone = driver;
    if (alone === undefined) throw new Error("Cannot measure: the driver names nothing to run");
    await stage.startServer();
    const nodeId = await stage.startNode([{
      service_id: "echo",
      kind: "tool",
      capabilities: { invoke: true },
      mounts: [{ mount_id: "echo", mount_path: "/nodes/{node_id}/echo" }],
      runtime,
    }]);
    const channel = await openChannel(await stage.control(), nodeId);
    const { signal } = new AbortController();
    const payload = new TextEncoder().encode(PAYLOAD);
    const client = await stage.files(nodeId);
    const [input, output] = await Promise.all([
      client.walk("svc-echo", ["control", "invoke.json"]).then((node) => client.openFile(node, "write")),
      client.walk("svc-echo", ["result.json"]).then((node) => client.openFile(node, "read")),
    ]);
    return {
      peer: "the driver alone",
      contenders: [{
        name: "the driver alone",
        measure: () =>
          middle(async () => {
            const { ok } = await alone.invoke({ call_id: "c-1", payload, timeout_ms: 30_000, signal });
            if (!ok) throw new Error("Cannot measure: the driver failed");
          }),
      }, {
        name: "file protocol",
        measure: () =>
          middle(async () => {
            await input.write(0, payload);
            require((await output.read(0, 65_536)).bytes);
          }),
      }, {
        name: "tree of the world",
        measure: () =>
          middle(async () => {
            await channel("t_write", { fid: 2, data: PAYLOAD });
            require(Uint8Array.fromBase64(String((await channel("t_read", { fid: 3 }))["data_b64"])));
          }),
      }],
      notes: [
        `the median of ${CALLS}, ${PAYLOAD.length} bytes in and out, a write and a read on files that are open`,
        "wanted: 2 ms more than the driver alone at most",
      ],
    };
  },
};

/** Opens where the service is invoked as fid 2, its result as fid 3. */
async function openChannel(control: ControlConnection, nodeId: string) {
  const send = (name: string, members: Record<string, unknown>) => control.message(name, members);
  await send("t_version", { version: "acheron-1" });
  await send("t_attach", { fid: 1 });
  await send("t_walk", { fid: 1, newfid: 2, path: ["nodes", nodeId, "echo", "control", "invoke.json"] });
  await send("t_walk", { fid: 1, newfid: 3, path: ["nodes", nodeId, "echo", "result.json"] });
  await send("t_open", { fid: 2, mode: "w" });
  await send("t_open", { fid: 3, mode: "r" });
  return send;
}

function require(result: Uint8Array): void {
  const text = new TextDecoder().decode(result);
  if (text.trim() !== PAYLOAD) throw new Error(`Cannot measure: the result is ${text.slice(0, 100)}`);
}

/** How long the program takes to show ten thousand entries. */
const treeWalk: Bench = {
  name: "tree_walk",
  unit: "ms",
  rounds: 5,
  cleanUp,
  async prepare(): Promise<Field> {
    stage = new FileStage();
    const on = stage;
    await on.startServer();
    const many = join(on.folder, "work-0", "many");
    const nodeId = await on.startNode([], (work) => {
      for (let at = 0; at < DIRECTORIES; at++) {
        const directory = join(work, "many", `directory-${at}`);
        mkdirSync(directory, { recursive: true });
        for (let file = 0; file < FILES_IN_EACH; file++) writeFileSync(join(directory, `file-${file}`), "");
      }
    });
    const timed = async (list: () => Promise<string>) => {
      const start = performance.now();
      const lines = (await list()).trimEnd().split("\n").length - 1;
      const took = performance.now() - start;
      const wanted = DIRECTORIES * (FILES_IN_EACH + 1);
      if (lines !== wanted) throw new Error(`Cannot measure: ${lines} of ${wanted} entries came`);
      return took;
    };
    return {
      peer: "find, on the disk",
      contenders: [
        {
          name: "find, on the disk",
          measure: () => timed(() => Promise.resolve(execFileSync("find", [many], { encoding: "utf8" }))),
        },
        { name: "zss fs tree", measure: () => timed(() => on.run(["fs", "tree", `/nodes/${nodeId}/fs/work/many`])) },
      ],
      notes: [
        `${DIRECTORIES * (FILES_IN_EACH + 1)} entries, the start of the program included; wanted: 3,000 ms at most`,
      ],
    };
  },
};

/** The benches of the tree of the world. */
export const worldTree: readonly Bench[] = [treeStat, treeInvoke, treeWalk];
