/**
 * Asks the machine what the linter's machine rules want to know.
 *
 * Answers are kept for as long as the probe lives, since many manifests name the
 * same program.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { open, readFile, stat } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { isObject } from "../../control/protocol/envelope.ts";
import { errorText } from "../../control/protocol/errors.ts";
import { currentOs, helperCommand, runProgram, type RunResult, systemClock } from "../../drivers/process/mod.ts";
import { type CodeTarget, HEAD_BYTES, machineCodeOf } from "./machine_code.ts";
import type { MachineProbe } from "./rule.ts";

/** Longest time that a library may take to load, in milliseconds. */
const LOAD_MS = 5_000;

/** Largest module that is read, in bytes. */
const MAX_MODULE_BYTES = 67_108_864;

/** What is said of a library. */
type LibraryAnswer = Awaited<ReturnType<MachineProbe["library"]>>;

/** Where the machine is asked from. */
export interface MachineProbeOptions {
  /** Folder that relative paths start from. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A probe of this machine. */
export function createMachineProbe({ cwd, env }: MachineProbeOptions): MachineProbe {
  const places = { path: env["PATH"] ?? "", pathExt: env["PATHEXT"] };
  return {
    system: { os: currentOs.platform, arch: Deno.build.arch },
    program: (name, folder) =>
      Promise.resolve(
        name === "zss"
          ? { found: true, file: Deno.execPath() }
          : currentOs.findProgram(name, { ...places, cwd: resolve(cwd, folder ?? ".") }),
      ),
    async file(path) {
      const file = resolve(cwd, path);
      try {
        return (await stat(file)).isFile() ? { found: true, file } : { found: false, reason: "it is no file" };
      } catch (error) {
        return { found: false, reason: isMissing(error) ? "it is not there" : errorText(error) };
      }
    },
    machineCode: kept(readMachineCode),
    sha256: kept(digestOf),
    library: (file, symbol) => probeLibrary(file, symbol, { cwd, env }),
    wasm: kept(readModule),
  };
}

function kept<Value>(ask: (file: string) => Promise<Value>): (file: string) => Promise<Value> {
  const answers = new Map<string, Promise<Value>>();
  return (file) => {
    const known = answers.get(file) ?? ask(file);
    answers.set(file, known);
    return known;
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

async function readMachineCode(file: string): Promise<readonly CodeTarget[]> {
  try {
    await using handle = await open(file);
    const { bytesRead, buffer } = await handle.read(new Uint8Array(HEAD_BYTES));
    return machineCodeOf(buffer.subarray(0, bytesRead));
  } catch {
    return [];
  }
}

async function digestOf(file: string): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(file)) hash.update(chunk);
    return hash.digest("hex");
  } catch {
    return undefined;
  }
}

async function probeLibrary(
  file: string,
  symbol: string,
  { cwd, env }: MachineProbeOptions,
): Promise<LibraryAnswer> {
  const command = helperCommand("inproc", ["probe", file, symbol]);
  const run = await runProgram({
    ...command,
    cwd,
    env: { ...currentOs.cleanEnvironment(env), ...command.env },
    stdin: new Uint8Array(),
    timeoutMs: LOAD_MS,
    maxOutputBytes: 65_536,
    signal: new AbortController().signal,
    clock: systemClock,
  });
  const answer = run.end === "exit" && run.exitCode === 0 ? answerIn(new TextDecoder().decode(run.stdout)) : undefined;
  return answer ?? { ok: false, problem: "load", reason: endOf(run) };
}

/**
 * Finds the answer of the helper. What the library prints can stand before it, on
 * the same line too, and after it: buffered output comes when the process ends.
 */
function answerIn(printed: string): LibraryAnswer | undefined {
  for (const [text] of [...printed.matchAll(/\{"ok":.*$/gm)].reverse()) {
    try {
      const answer: unknown = JSON.parse(text);
      if (!isObject(answer)) continue;
      const { ok, problem, reason } = answer;
      if (ok === true) return { ok };
      if ((problem === "load" || problem === "symbol") && typeof reason === "string") {
        return { ok: false, problem, reason };
      }
    } catch {
      // A line of the library that begins alike.
    }
  }
  return undefined;
}

function endOf({ end, exitCode, detail }: RunResult): string {
  switch (end) {
    case "timeout":
      return `it took longer than ${LOAD_MS} ms`;
    case "exit":
      return `it ended the process that loaded it with code ${exitCode}`;
    case "signal":
      return `it ended the process that loaded it by ${detail}`;
    default:
      return `the process that loads it did not run to its end (${detail})`;
  }
}

async function readModule(file: string): ReturnType<MachineProbe["wasm"]> {
  try {
    const { size } = await stat(file);
    if (size > MAX_MODULE_BYTES) return { ok: false, reason: `it has more than ${MAX_MODULE_BYTES} bytes` };
    const module = new WebAssembly.Module(new Uint8Array(await readFile(file)));
    return { ok: true, exports: WebAssembly.Module.exports(module), imports: WebAssembly.Module.imports(module) };
  } catch (error) {
    return { ok: false, reason: errorText(error).replace(/^WebAssembly\.Module\(\): /, "") };
  }
}
