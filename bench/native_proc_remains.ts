/**
 * What 10,000 calls of a tiny program leave behind in the process that had them
 * done: processes that have ended and that nobody took note of, open files, and
 * memory.
 *
 * The least that can be left is what the peer leaves, which is nothing; a figure
 * is therefore a difference to the moment before, after calls that do not count.
 *
 * Memory that a process occupies says little about a leak: it depends on when the
 * runtime last collected. Over five times 10,000 calls with a pool of 8, on 2 cores
 * and Deno 2.9.6, it was 162, 147, 158, 165 and 165 MB while the heap was 65 to 94 MB
 * large; what was alive on it after a collection was 10.29, 10.36, 10.37, 10.45 and
 * 10.46 MiB, which is 4 bytes a call. So what counts is looked at after a collection,
 * and what is alive is told beside what is occupied.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createNativeProcDriver, type Driver, nativeProcConfig } from "../drivers/mod.ts";
import { currentOs, systemClock } from "../drivers/process/mod.ts";
import type { Bench } from "./harness.ts";

const CALLS = 10_000;
/** So many calls until the heap of the runtime has grown to the size at which it stays. */
const WARM_UP = 10_000;
const AT_A_TIME = 4;
const ECHO = fileURLToPath(new URL("./peers/echo.c", import.meta.url));
const payload = new TextEncoder().encode('{"text":"hi"}');

interface Remains {
  readonly zombies: number;
  readonly files: number;
  /** Memory that the process occupies, in bytes. */
  readonly rss: number;
  /** Memory of it that is alive on the heap, in bytes. */
  readonly alive: number;
}

/** Memory of the node after the calls over that before; its notes say what else was left. */
export const nativeProcRemains: readonly Bench[] = [
  remains("native_proc_remains", {}),
  remains("native_proc_remains_pool", { pool: 8 }),
];

function remains(name: string, more: Readonly<Record<string, unknown>>): Bench {
  let folder: string | undefined;
  let driver: Driver | undefined;
  return {
    name,
    unit: "MB",
    // The calls are made once, in `prepare`; the contenders only hand on what was found.
    rounds: 1,
    async prepare() {
      if (currentOs.name !== "linux") return "only Linux shows the processes and files of a process in /proc";
      folder = mkdtempSync(join(tmpdir(), "zss-bench-"));
      const echo = join(folder, "echo");
      try {
        execFileSync("cc", ["-O2", "-o", echo, ECHO], { stdio: "pipe" });
      } catch (error) {
        return `the program cannot be built: ${error instanceof Error ? error.message : error}`;
      }
      const config = nativeProcConfig.parse({ type: "native_proc", executable_path: echo, ...more });
      driver = createNativeProcDriver(config, { clock: systemClock, cwd: "/", env: process.env });
      await call(driver, WARM_UP);
      const before = await look();
      await call(driver, CALLS);
      const after = await look();
      const grown = (after.rss - before.rss) / 1e6;
      return {
        peer: "before",
        contenders: [
          { name: "before", measure: () => Promise.resolve(before.rss / 1e6) },
          { name: `after ${CALLS} calls`, measure: () => Promise.resolve(after.rss / 1e6) },
        ],
        notes: [
          `${after.zombies} zombies, ${after.files - before.files} more open files, memory ${
            grown.toFixed(1)
          } MB more, ` +
          `${((after.alive - before.alive) / 1e6).toFixed(2)} MB more of it alive, ${
            ((after.alive - before.alive) / CALLS).toFixed(0)
          } bytes a call; ${WARM_UP} calls before did not count`,
        ],
      };
    },
    async cleanUp() {
      await driver?.close();
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function call(driver: Driver, times: number): Promise<void> {
  let left = times;
  const worker = async () => {
    while (left-- > 0) {
      const { signal } = new AbortController();
      const result = await driver.invoke({ call_id: `c-${left}`, payload, timeout_ms: 30_000, signal });
      if (!result.ok) throw new Error(`Cannot measure: ${result.message}`);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
}

/** Waits until nothing is under way any more: a pool fills itself after the calls. */
async function look(): Promise<Remains> {
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  // Twice: what the first collection finalises, the second frees.
  for (const _ of [1, 2]) collect();
  return {
    zombies: readdirSync("/proc").filter(isOurZombie).length,
    files: readdirSync("/proc/self/fd").length,
    rss: await currentOs.rssOf(process.pid) ?? NaN,
    alive: process.memoryUsage().heapUsed,
  };
}

/** Has the runtime collect what is not alive. */
function collect(): void {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  if (typeof gc === "function") gc();
}

function isOurZombie(pid: string): boolean {
  try {
    return new RegExp(`^\\d+ \\(.*\\) Z ${process.pid} `, "s").test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    // No process, or it has gone.
    return false;
  }
}
