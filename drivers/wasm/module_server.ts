/**
 * What a helper of a module driver does: compiles the module once, and runs it
 * anew for each call.
 *
 * A call sees nothing of the one before: it gets a fresh instance with fresh
 * memory. The process gives up what the module has no use for before any of
 * the module's code can run.
 *
 * @module
 */

import { type Fd, File, OpenFile, WASI, WASIProcExit } from "@bjorn3/browser_wasi_shim";
import { createHash } from "node:crypto";
import { readFileSync, realpathSync, statSync } from "node:fs";
import { basename } from "node:path";
import { z } from "zod";
import type { CallResult } from "../process/helper_frames.ts";
import { type HelperWork, serveHelper } from "../process/helper_server.ts";
import { bytesAt, spiderHost, wasiImports } from "./host_functions.ts";
import { HostFolder, OpenedFiles } from "./host_folder.ts";
import { type HostedModule, hostMemory, MEMORY_IMPORT, PAGE_BYTES } from "./memory_limit.ts";
import { Output, TooMuchOutput } from "./outputs.ts";
import { MalformedModule, SECTION, sectionsOf } from "./sections.ts";

/** What the helper is told. */
export const moduleWords = z.object({
  /** Absolute path of the module. */
  file: z.string(),
  entrypoint: z.string().optional(),
  sha256: z.string().optional(),
  args: z.array(z.string()),
  /** As `NAME=value`. */
  env: z.array(z.string()),
  /** What the module calls a folder, and its absolute path on the machine. */
  preopens: z.array(z.tuple([z.string(), z.string()])),
  maxMemoryBytes: z.number(),
  /** Limit of each output, in bytes. */
  limit: z.int(),
});

/** See {@linkcode moduleWords}. */
export type ModuleWords = z.output<typeof moduleWords>;

/** Largest module, in bytes. */
const MAX_MODULE_BYTES = 67_108_864;

/** What the pair of docs/driver_abi.md is made of. */
const PAIR = { alloc: "spider_venom_alloc", invoke: "spider_venom_invoke_json", version: "spider_venom_abi_version" };

/** Exit code of a call whose module has said something that cannot be. */
const NONSENSE = 125;

const PERMISSIONS = ["net", "run", "write", "env", "sys", "ffi", "import"] as const;

/** Serves calls until nobody asks any more. */
export function serveModule(): void {
  serveHelper(new Module());
}

/** How a call is entered. */
type Entry = { readonly kind: "pair" } | { readonly kind: "export"; readonly name: string };

/** What a call says of its end. */
type Said = Pick<CallResult, "end" | "exitCode" | "note"> & { readonly output?: Uint8Array };

class Module implements HelperWork {
  #loaded: Loaded | undefined;
  #ahead: WebAssembly.Instance | undefined;

  load(words: unknown): string | undefined {
    const told = moduleWords.parse(words);
    const compiled = compile(told);
    if (typeof compiled === "string") return compiled;
    const { module, isPassive, memory } = compiled;
    const entry = entryOf(module, told.entrypoint);
    if (typeof entry === "string") return entry;
    const roots: [string, string][] = [];
    for (const [name, folder] of told.preopens) {
      if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
        return `runtime.preopens names "${folder}" as "${name}", which is no folder`;
      }
      roots.push([name, realpathSync(folder)]);
    }
    this.#loaded = { module, isPassive, entry, told, roots, host: new Host(told, memory) };
    giveUp(roots.length > 0 ? PERMISSIONS : [...PERMISSIONS, "read"]);
    return undefined;
  }

  call(payload: Uint8Array): Omit<CallResult, "isMarked"> {
    if (this.#loaded === undefined) throw new TypeError("Cannot call a module before one is loaded");
    const { module, entry, told, roots, host } = this.#loaded;
    const stdout = new Output(told.limit);
    const stderr = new Output(told.limit);
    const files = new OpenedFiles();
    const folders = roots.map(([name, root]) => new HostFolder(root, root, files, name));
    host.begin([new OpenFile(new File(payload, { readonly: true })), stdout, stderr, ...folders], stderr);
    const run = new Run(() => this.#ahead ?? host.instantiate(module), host, told);
    const { end, exitCode, note, output } = run.toTheEnd(entry, payload);
    this.#ahead = undefined;
    host.end();
    files.closeAll();
    const outside = exitCode === 0
      ? []
      : files.refused.slice(0, 3).map((path) => `"${path}" is outside of its preopens`);
    const notes = [...(note === "" ? [] : [note]), ...outside].join("; ");
    const outputs = { stdout: output ?? stdout.bytes(), stderr: stderr.bytes() };
    return { end, exitCode, note: notes, ...outputs, isSpent: host.isHeavy() };
  }

  /** Makes the instance of the next call while nobody waits for it. */
  rest(): void {
    if (this.#loaded?.isPassive !== true) return;
    try {
      this.#ahead = this.#loaded.host.instantiate(this.#loaded.module);
    } catch {
      // The call says why.
    }
  }
}

/** A module that can be instantiated. */
interface Compiled extends Pick<HostedModule, "memory"> {
  readonly module: WebAssembly.Module;
  /** Whether it runs none of its code when it is instantiated. */
  readonly isPassive: boolean;
}

/** What a helper has prepared. */
interface Loaded {
  readonly module: WebAssembly.Module;
  /** Whether it runs none of its code when it is instantiated. */
  readonly isPassive: boolean;
  readonly entry: Entry;
  readonly told: ModuleWords;
  readonly roots: readonly (readonly [name: string, root: string])[];
  readonly host: Host;
}

/**
 * What a module imports. The functions are the same for all calls, since the
 * engine prepares each function that it sees for the first time; what they
 * reach is that of one call.
 */
class Host {
  readonly imports: Readonly<Record<string, WebAssembly.ModuleImports>>;
  readonly #shim: WASI;
  readonly #limits: HostedModule["memory"];
  readonly #startBytes = Deno.memoryUsage().rss;
  #memory: WebAssembly.Memory | undefined;
  /** Memory that was given up since the process was last weighed, in bytes. */
  #givenUp = 0;
  #stderr = new Output(0);

  /** @param limits What the memory of the module must be. */
  constructor({ file, args, env }: Pick<ModuleWords, "file" | "args" | "env">, limits: HostedModule["memory"]) {
    this.#shim = new WASI([basename(file), ...args], env, [], { debug: false });
    this.#limits = limits;
    const memory = () => this.memory;
    this.imports = {
      wasi_snapshot_preview1: wasiImports(this.#shim, memory),
      spider_host_v1: spiderHost(memory, () => this.#stderr),
    };
  }

  /** The memory of the instance. @throws {WebAssembly.RuntimeError} If it has none. */
  get memory(): WebAssembly.Memory {
    if (this.#memory !== undefined) return this.#memory;
    throw new WebAssembly.RuntimeError("Cannot reach the memory of the module: it has none");
  }

  /** How many bytes of memory the instance has. */
  get memoryBytes(): number {
    return this.#memory?.buffer.byteLength ?? 0;
  }

  /** Makes an instance with empty memory. The one before is not to be used any more. */
  instantiate(module: WebAssembly.Module): WebAssembly.Instance {
    if (this.#limits === undefined) return new WebAssembly.Instance(module, this.imports);
    const again = emptied(this.#memory, this.#limits.initial);
    if (again === undefined) this.#givenUp += this.memoryBytes;
    this.#memory = again ?? new WebAssembly.Memory(this.#limits);
    this.#shim.inst = { exports: { memory: this.#memory } };
    const own = { [MEMORY_IMPORT.module]: { [MEMORY_IMPORT.name]: this.#memory } };
    return new WebAssembly.Instance(module, { ...this.imports, ...own });
  }

  /**
   * Whether memory that was given up still fills the process. The engine returns
   * it when it pleases; a fresh process has none.
   */
  isHeavy(): boolean {
    if (this.#givenUp + this.memoryBytes < WEIGH_BYTES) return false;
    this.#givenUp = 0;
    return Deno.memoryUsage().rss - this.#startBytes > HEAVY_BYTES;
  }

  begin(fds: Fd[], stderr: Output): void {
    this.#shim.fds = fds;
    this.#stderr = stderr;
  }

  /** Lets go of what belongs to the call. */
  end(): void {
    this.#shim.fds = [];
  }
}

/** After how much memory that was given up the process is weighed, and how much more than at its start is heavy, in bytes. */
const WEIGH_BYTES = 67_108_864;
const HEAVY_BYTES = 134_217_728;

/** Largest memory that is emptied, in bytes; a larger one is made anew, of which only what is used is touched. */
const MOST_EMPTIED = 2_097_152;

/** The same memory with nothing in it; undefined when it has grown or is large. */
function emptied(memory: WebAssembly.Memory | undefined, pages: number): WebAssembly.Memory | undefined {
  const bytes = memory?.buffer.byteLength ?? Infinity;
  if (bytes !== pages * PAGE_BYTES || bytes > MOST_EMPTIED || memory === undefined) return undefined;
  new Uint8Array(memory.buffer).fill(0);
  return memory;
}

/** One call. */
class Run {
  readonly #instantiate: () => WebAssembly.Instance;
  readonly #host: Host;
  readonly #told: ModuleWords;

  constructor(instantiate: () => WebAssembly.Instance, host: Host, told: ModuleWords) {
    this.#instantiate = instantiate;
    this.#host = host;
    this.#told = told;
  }

  toTheEnd(entry: Entry, payload: Uint8Array): Said {
    try {
      const instance = this.#instantiate();
      return entry.kind === "pair" ? this.#callPair(instance, payload) : this.#callExport(instance, entry.name);
    } catch (error) {
      if (error instanceof WASIProcExit) return { end: "exit", exitCode: toExitCode(error.code), note: "" };
      if (error instanceof TooMuchOutput) return { end: "output_limit", exitCode: -1, note: "" };
      return { end: "trap", exitCode: -1, note: this.#trapped(error) };
    }
  }

  #callExport(instance: WebAssembly.Instance, name: string): Said {
    if (name !== "_start") this.#initialize(instance);
    const code = functionOf(instance, name)();
    return { end: "exit", exitCode: typeof code === "number" ? toExitCode(code) : 0, note: "" };
  }

  #callPair(instance: WebAssembly.Instance, payload: Uint8Array): Said {
    this.#initialize(instance);
    const wrong = (note: string): Said => ({ end: "exit", exitCode: NONSENSE, note });
    const { memory } = this.#host;
    const version = PAIR.version in instance.exports ? functionOf(instance, PAIR.version)() : 1;
    if (version !== 1) return wrong(`${PAIR.version} says ${version}, and zss knows version 1`);
    const at = Number(functionOf(instance, PAIR.alloc)(payload.length));
    if (at === 0 && payload.length > 0) return wrong(`${PAIR.alloc} has no room for ${payload.length} bytes`);
    bytesAt(memory, at, payload.length).set(payload);
    const answer = functionOf(instance, PAIR.invoke)(at, payload.length);
    if (typeof answer !== "bigint") return wrong(`${PAIR.invoke} does not return an i64`);
    const [pointer, length] = [Number(answer & 0xffffffffn), Number((answer >> 32n) & 0xffffffffn)];
    if (length === 0) return { end: "exit", exitCode: 0, note: "", output: new Uint8Array() };
    if (pointer === 0) return wrong(`${PAIR.invoke} returns ${length} bytes at address 0`);
    if (pointer + length > memory.buffer.byteLength) {
      return wrong(
        `${PAIR.invoke} returns ${length} bytes at ${pointer}, and the memory has ${memory.buffer.byteLength}`,
      );
    }
    const output = bytesAt(memory, pointer, length).slice(0, this.#told.limit);
    if (length > this.#told.limit) return { end: "output_limit", exitCode: -1, note: "", output };
    return { end: "exit", exitCode: 0, note: "", output };
  }

  /** What the linker of a library module puts before everything else. */
  #initialize(instance: WebAssembly.Instance): void {
    if ("_initialize" in instance.exports) functionOf(instance, "_initialize")();
  }

  #trapped(error: unknown): string {
    const held = this.#host.memoryBytes;
    const words = error instanceof Error ? error.message : String(error);
    return `${words} (it held ${held} of at most ${this.#told.maxMemoryBytes} bytes of memory)`;
  }
}

function functionOf(instance: WebAssembly.Instance, name: string): CallableFunction {
  const found = instance.exports[name];
  if (typeof found !== "function") throw new WebAssembly.RuntimeError(`Cannot call "${name}": it is no function`);
  return found;
}

function toExitCode(code: number): number {
  return code < 0 || code > 255 ? 255 : code;
}

function compile({ file, sha256, maxMemoryBytes }: ModuleWords): Compiled | string {
  const { size } = statSync(file);
  if (size > MAX_MODULE_BYTES) return `it has ${size} bytes, more than ${MAX_MODULE_BYTES}`;
  const bytes = readFileSync(file);
  const found = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== undefined && found !== sha256) return `its SHA-256 is ${found}, and runtime.sha256 wants ${sha256}`;
  try {
    const hosted = hostMemory(bytes, maxMemoryBytes);
    if (typeof hosted === "string") return hosted;
    const isPassive = !sectionsOf(bytes).some(({ id }) => id === SECTION.start);
    return { module: new WebAssembly.Module(hosted.module), memory: hosted.memory, isPassive };
  } catch (error) {
    if (!(error instanceof MalformedModule) && !(error instanceof WebAssembly.CompileError)) throw error;
    return `it is no module that can be run: ${error.message.replace(/^WebAssembly\.Module\(\): /, "")}`;
  }
}

/** What is called, or why nothing can be. */
function entryOf(module: WebAssembly.Module, entrypoint: string | undefined): Entry | string {
  const missing = missingImports(module);
  if (missing.length > 0) return `it imports what zss does not offer: ${missing.slice(0, 5).join(", ")}`;
  const exports = WebAssembly.Module.exports(module);
  const has = (wanted: string, of: WebAssembly.ImportExportKind) =>
    exports.some(({ name, kind }) => name === wanted && kind === of);
  if (entrypoint !== undefined) {
    if (has(entrypoint, "function")) return { kind: "export", name: entrypoint };
    return `it does not export the function "${entrypoint}"; correct runtime.entrypoint`;
  }
  if (has(PAIR.alloc, "function") && has(PAIR.invoke, "function") && has("memory", "memory")) return { kind: "pair" };
  if (has("_start", "function")) return { kind: "export", name: "_start" };
  return `it exports neither "_start" nor "${PAIR.alloc}" and "${PAIR.invoke}" with its memory; ` +
    "build it for WASI preview 1, or name its function in runtime.entrypoint";
}

function missingImports(module: WebAssembly.Module): string[] {
  const { imports } = new Host({ file: "", args: [], env: [] }, undefined);
  return WebAssembly.Module.imports(module)
    .filter(({ module, name }) => module !== MEMORY_IMPORT.module || name !== MEMORY_IMPORT.name)
    .filter(({ module, name, kind }) => kind !== "function" || !Object.hasOwn(imports[module] ?? {}, name))
    .map(({ module, name, kind }) => `the ${kind} "${name}" of "${module}"`);
}

function giveUp(names: readonly (Deno.PermissionName | "import")[]): void {
  for (const name of names) {
    // A runtime that does not know one of them cannot use it either.
    try {
      Deno.permissions.revokeSync({ name } as Deno.PermissionDescriptor);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }
}
