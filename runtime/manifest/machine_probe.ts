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
import { errorText } from "../../control/protocol/errors.ts";
import { currentOs, helperCommand, platform, runProgram, systemClock } from "../../drivers/process/mod.ts";
import { type CodeTarget, HEAD_BYTES, machineCodeOf } from "./machine_code.ts";
import type { MachineProbe } from "./rule.ts";

/** Longest time that a library may take to load, in milliseconds. */
const LOAD_MS = 5_000;

/** Largest module that is read, in bytes. */
const MAX_MODULE_BYTES = 67_108_864;

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
    system: { os: platform, arch: Deno.build.arch },
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
): ReturnType<MachineProbe["library"]> {
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
  // What the library itself prints when it is loaded stands before the answer.
  const answer = new TextDecoder().decode(run.stdout).trimEnd().split("\n").at(-1) ?? "";
  try {
    if (run.end === "exit" && run.exitCode === 0) return JSON.parse(answer);
  } catch {
    // Said below.
  }
  const how = run.end === "timeout" ? `it took longer than ${LOAD_MS} ms` : `the process ended (${run.detail})`;
  return { ok: false, problem: "load", reason: how };
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
