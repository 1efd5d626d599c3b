/**
 * Starting a program with the system's own `posix_spawn`, on Linux.
 *
 * The runtime starts a program in a group of its own by copying itself first,
 * which takes the longer the larger the node is: three times as long as this
 * for a small one. What is started here is talked to over bare descriptors,
 * which become streams only when somebody wants one; a short run never does.
 *
 * Only where the runtime turns a descriptor into a stream, which
 * {@linkcode posixSpawn} finds out by itself.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Socket } from "node:net";
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import { isAlive } from "./leftovers.ts";
import { currentOs } from "./os.ts";
import type { Capture } from "./pump.ts";
import type { ProgramExit, StartedProgram, StartOptions } from "./started_program.ts";

const WNOHANG = 1;
const O_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;
const F_SETFL = 4;
/** A group and a session of its own; the usual signals, none of them blocked. */
const SPAWN_FLAGS = 0x80 | 0x04 | 0x08;
/** Larger than what the C library keeps in them. */
const OPAQUE_BYTES = 512;
const SIGPIPE = 13;
const SIGKILL = 9;
const READ_BYTES = 65_536;

const SYMBOLS = {
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32", nonblocking: true },
  waitNow: { name: "waitpid", parameters: ["i32", "buffer", "i32"], result: "i32" },
  posix_spawn: {
    parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  posix_spawn_file_actions_addchdir_np: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
  posix_spawnattr_setsigdefault: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_setsigmask: { parameters: ["buffer", "buffer"], result: "i32" },
} as const;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

interface Loaded {
  readonly libc: Libc;
  readonly attributes: Uint8Array<ArrayBuffer>;
  readonly close: () => void;
}

/** The library while somebody holds it; false once it was found that it cannot be used. */
let loaded: Loaded | false | undefined = currentOs.name === "linux" ? undefined : false;
/** Who starts many programs. */
let holders = 0;
/** Programs whose pipes are open. */
let users = 0;
/** Programs that are waited for. */
let watched = 0;

/**
 * Makes programs start this way until the function that it returns is called.
 * Loading the library takes as long as a start, so it is for those who start
 * many; it is loaded with the first one.
 */
export function holdPosixSpawn(): () => void {
  let isHeld = true;
  holders++;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    holders--;
    closeIfUnused();
  };
}

function closeIfUnused(): void {
  if (!loaded || holders + users + watched > 0) return;
  loaded.close();
  loaded = undefined;
}

function load(): Loaded | false {
  try {
    const library = Deno.dlopen("libc.so.6", SYMBOLS);
    const { symbols: libc } = library;
    if (canAdopt(libc)) return { libc, attributes: makeAttributes(libc), close: () => library.close() };
    library.close();
  } catch {
    // Another C library, or no permission to use this one.
  }
  return false;
}

/** Whether the runtime makes a stream of a descriptor. */
function canAdopt(libc: Libc): boolean {
  const [read, write] = pipe(libc);
  libc.close(write);
  try {
    new Socket({ fd: read, readable: true, writable: false }).destroy();
    return true;
  } catch {
    libc.close(read);
    return false;
  }
}

/**
 * Most programs that are waited for at a time: each has a thread of those that
 * the runtime also reads files with, of which there are 512.
 */
const MOST_WATCHED = 128;

/**
 * Starts a program. Rejects with an error that has a `code` where the system
 * refuses. Undefined where, or while, it cannot be had.
 */
export function posixSpawn(options: StartOptions): Promise<StartedProgram> | undefined {
  if (holders === 0 || watched >= MOST_WATCHED) return undefined;
  loaded ??= load();
  return loaded ? start(loaded, options) : undefined;
}

function makeAttributes(libc: Libc): Uint8Array<ArrayBuffer> {
  const attributes = new Uint8Array(OPAQUE_BYTES);
  libc.posix_spawnattr_init(attributes);
  libc.posix_spawnattr_setflags(attributes, SPAWN_FLAGS);
  const signals = new Uint8Array(OPAQUE_BYTES);
  libc.posix_spawnattr_setsigmask(attributes, signals);
  // The runtime ignores it, and programs inherit what is ignored.
  signals[(SIGPIPE - 1) >> 3] = 1 << ((SIGPIPE - 1) & 7);
  libc.posix_spawnattr_setsigdefault(attributes, signals);
  return attributes;
}

async function start({ libc, attributes }: Loaded, { file, args, cwd, env }: StartOptions): Promise<StartedProgram> {
  users++;
  try {
    return await startWith(libc, attributes, { file, args, cwd, env });
  } catch (error) {
    users--;
    closeIfUnused();
    throw error;
  }
}

async function startWith(
  libc: Libc,
  attributes: Uint8Array<ArrayBuffer>,
  { file, args, cwd, env }: StartOptions,
): Promise<StartedProgram> {
  const pipes = [pipe(libc), pipe(libc), pipe(libc)] as const;
  const [[inRead, inWrite], [outRead, outWrite], [errRead, errWrite]] = pipes;
  const actions = new Uint8Array(OPAQUE_BYTES);
  libc.posix_spawn_file_actions_init(actions);
  libc.posix_spawn_file_actions_adddup2(actions, inRead, 0);
  libc.posix_spawn_file_actions_adddup2(actions, outWrite, 1);
  libc.posix_spawn_file_actions_adddup2(actions, errWrite, 2);
  const path = cString(file);
  const folder = cString(cwd);
  libc.posix_spawn_file_actions_addchdir_np(actions, folder);
  const argv = cStrings([file, ...args]);
  const envp = cStrings(Object.entries(env).map(([name, value]) => `${name}=${value}`));
  const pid = new Int32Array(1);
  // The call below knows these by their addresses alone.
  const kept = [argv.text, envp.text, folder];
  // On a thread of its own, since it returns only when the program has taken over.
  const code = await libc.posix_spawn(bytesOf(pid), path, actions, attributes, argv.pointers, envp.pointers);
  kept.length = 0;
  libc.posix_spawn_file_actions_destroy(actions);
  for (const fd of [inRead, outWrite, errWrite]) libc.close(fd);
  if (code !== 0) {
    for (const fd of [inWrite, outRead, errRead]) libc.close(fd);
    const name = Object.entries(constants.errno).find(([, number]) => number === code)?.[0] ?? `${code}`;
    throw Object.assign(new Error(`Cannot execute "${file}": the system says ${name}`), { code: name });
  }
  for (const fd of [inWrite, outRead, errRead]) libc.fcntl(fd, F_SETFL, O_NONBLOCK);
  return new BareProgram(libc, pid[0] ?? 0, inWrite, outRead, errRead);
}

/** A program and our ends of its pipes. */
class BareProgram implements StartedProgram {
  readonly started = true;
  readonly pid: number;
  readonly #libc: Libc;
  readonly #in: BareEnd;
  readonly #out: BareEnd;
  readonly #err: BareEnd;
  readonly #pipes: () => readonly string[];
  mark?: string;
  readonly #noticed = Promise.withResolvers<void>();
  #exited: Promise<ProgramExit> | undefined;
  #hasEnded = false;
  #isReleased = false;

  constructor(libc: Libc, pid: number, inWrite: number, outRead: number, errRead: number) {
    this.pid = pid;
    this.#libc = libc;
    this.#in = new BareEnd(libc, inWrite, "write");
    this.#out = new BareEnd(libc, outRead, "read");
    this.#err = new BareEnd(libc, errRead, "read");
    this.#pipes = () => currentOs.pipesAt([outRead, errRead]);
  }

  get ended(): Promise<void> {
    return this.#noticed.promise;
  }

  get exited(): Promise<ProgramExit> {
    this.#exited ??= exitOf(this.#libc, this.pid).then((exit) => {
      this.#hasEnded = true;
      this.#noticed.resolve();
      return exit;
    });
    return this.#exited;
  }

  hasEnded(): boolean {
    if (this.#exited === undefined && this.#libc.waitNow(this.pid, bytesOf(status), WNOHANG) === this.pid) {
      this.#hasEnded = true;
      this.#exited = Promise.resolve(exitFrom(status[0] ?? 0));
      this.#noticed.resolve();
    }
    return this.#hasEnded;
  }

  get stdin(): Writable {
    return this.#in.stream();
  }

  get stdout(): Readable {
    return this.#out.stream();
  }

  get stderr(): Readable {
    return this.#err.stream();
  }

  pipes(): readonly string[] {
    return this.#pipes();
  }

  feed(bytes: Uint8Array): void {
    const { fd } = this.#in;
    if (fd === undefined) {
      this.stdin.end(bytes);
      return;
    }
    const written = bytes.length === 0 ? 0 : Number(this.#libc.write(fd, bytesOf(bytes), BigInt(bytes.length)));
    if (written === bytes.length) this.#in.close();
    else this.stdin.end(bytes.subarray(Math.max(0, written)));
  }

  readNow(stdout: Capture, stderr: Capture): boolean {
    const isOut = this.#out.readInto(stdout);
    const isErr = this.#err.readInto(stderr);
    return isOut && isErr && this.hasEnded();
  }

  killLeftovers(): void {
    // Nobody being left is the usual case, for which the runtime would make an error with a stack.
    if (this.#isReleased) currentOs.killLeftovers(this.pid);
    else this.#libc.kill(-this.pid, SIGKILL);
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    for (const end of [this.#in, this.#out, this.#err]) end.close();
    users--;
    closeIfUnused();
  }
}

/** One end of a pipe: a descriptor, until it becomes a stream or is closed. */
class BareEnd {
  fd: number | undefined;
  readonly #libc: Libc;
  readonly #use: "read" | "write";
  #stream: Socket | undefined;

  constructor(libc: Libc, fd: number, use: "read" | "write") {
    this.#libc = libc;
    this.fd = fd;
    this.#use = use;
  }

  stream(): Socket {
    if (this.#stream !== undefined) return this.#stream;
    const { fd } = this;
    const isRead = this.#use === "read";
    this.#stream = fd === undefined ? new Socket() : new Socket({ fd, readable: isRead, writable: !isRead });
    this.#stream.on("error", () => {});
    if (fd === undefined) this.#stream.destroy();
    this.fd = undefined;
    return this.#stream;
  }

  /** Reads what is there; true when the end was reached. */
  readInto(capture: Capture): boolean {
    for (;;) {
      if (this.fd === undefined) return this.#stream === undefined;
      const size = Number(this.#libc.read(this.fd, readBuffer, BigInt(READ_BYTES)));
      if (size < 0) return false;
      if (size > 0) capture.add(readBuffer.slice(0, size));
      else this.close();
    }
  }

  close(): void {
    if (this.fd !== undefined) this.#libc.close(this.fd);
    this.fd = undefined;
    this.#stream?.destroy();
  }
}

const status = new Int32Array(1);
const readBuffer = new Uint8Array(READ_BYTES);

/**
 * Waits on a thread of its own for the end of a program: the one way to hear of
 * it that also keeps the node from ending before.
 */
async function exitOf(libc: Libc, pid: number): Promise<ProgramExit> {
  watched++;
  try {
    const status = new Int32Array(1);
    while (await libc.waitpid(pid, bytesOf(status), 0) !== pid) {
      // A signal may cut the wait short; when nobody is there to wait for, somebody else took note of the end.
      if (!isAlive(pid)) return { code: -1, signal: null };
    }
    return exitFrom(status[0] ?? 0);
  } finally {
    watched--;
    closeIfUnused();
  }
}

/** Reads what `waitpid` writes. */
function exitFrom(status: number): ProgramExit {
  const signal = status & 0x7f;
  if (signal === 0) return { code: (status >> 8) & 0xff, signal: null };
  return { code: null, signal: currentOs.signalName(signal) };
}

function pipe(libc: Libc): readonly [number, number] {
  const ends = new Int32Array(2);
  if (libc.pipe2(bytesOf(ends), O_CLOEXEC) !== 0) {
    throw new Error("Cannot make a pipe: too many files are open");
  }
  return [ends[0] ?? -1, ends[1] ?? -1];
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(`${text}\0`));
}

/** A list of C strings that ends with a null pointer. `text` has to live as long as `pointers` are used. */
function cStrings(words: readonly string[]): { pointers: Uint8Array<ArrayBuffer>; text: Uint8Array } {
  const all = words.map(cString);
  const text = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0) + 1);
  const base = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(text)));
  const pointers = new BigUint64Array(words.length + 1);
  let at = 0;
  for (const [index, word] of all.entries()) {
    text.set(word, at);
    pointers[index] = base + BigInt(at);
    at += word.length;
  }
  return { pointers: bytesOf(pointers), text };
}

function bytesOf(view: ArrayBufferView): Uint8Array<ArrayBuffer> {
  // No memory that is shared with a Worker comes here.
  return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
}
