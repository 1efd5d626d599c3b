/**
 * Pseudo terminals: a program that believes to talk to a person.
 *
 * The program becomes the leader of a session of its own whose controlling
 * terminal is the far end of the pair, so job control, Ctrl-C and changes of
 * the window reach it as they would from a real one. The C library of the
 * system does all of it (`posix_openpt`, `posix_spawn` with a new session, and
 * the rule that a session leader without a terminal gets the first one that it
 * opens); no code is compiled and none runs between fork and exec.
 *
 * Works where the C library has these calls: Linux with glibc 2.29 and later.
 * The same calls of macOS are described here and have not run there; Windows
 * has none of them. {@linkcode ptySupport} tries it out instead of guessing.
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import process from "node:process";
import { currentOs, type Os } from "./os.ts";
import { type Abi, abiOf, cString, CStrings, type Libc, type Library, loadLibc, O_RDWR } from "./pty_libc.ts";
import type { ProgramExit } from "./spawn.ts";

/** Size of a terminal, in characters. */
export interface PtySize {
  readonly cols: number;
  readonly rows: number;
}

/** What to start in a terminal. */
export interface PtyOptions {
  /** Absolute path of the executable. */
  readonly file: string;
  /** The whole argument vector; the first one is the name that the program sees of itself. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly size: PtySize;
  /** @default {currentOs} */
  readonly os?: Os;
}

/** A program in a terminal. */
export interface Pty {
  readonly pid: number;
  /** Resolves when the program itself has ended; what it started may live on. Never rejects. */
  readonly exited: Promise<ProgramExit>;
  /**
   * The next bytes that came out; waits for them. Empty when a moment passed without any, `undefined` when no more
   * will come. One call at a time.
   */
  read(): Promise<Uint8Array | undefined>;
  /** Types bytes; waits while the program does not take them. Gives up silently once the terminal is closed. */
  write(bytes: Uint8Array): Promise<void>;
  resize(size: PtySize): void;
  /** Tells the program that its terminal is gone, as when a window is closed. It may choose to stay. */
  hangUp(): void;
  /** Ends every process of the session, whatever it thinks of it. Harmless when there is none. */
  kill(): void;
  /** Frees the terminal; reads end. A second call does nothing. */
  close(): Promise<void>;
}

/** Whether this machine has pseudo terminals; if not, `reason` says why. */
export type PtySupport = { readonly available: true } | { readonly available: false; readonly reason: string };

/** How long one look at a terminal may take, in milliseconds; closing one waits for it. */
const LOOK_MS = 250;

/** Most bytes that one read returns. */
const READ_BYTES = 65_536;

const POLLIN = 1;
const POLLOUT = 4;
const POLL_GONE = 8 | 16 | 32;

/**
 * Starts a program in a new terminal.
 *
 * @throws {Error} When it cannot; the message says why.
 */
export function openPty(options: PtyOptions): Pty {
  const os = options.os ?? currentOs;
  const abi = abiOf(os.name);
  if (abi === undefined) throw cannotOpen(`zss has none on ${os.name}`);
  const library = loadLibc(abi);
  const libc = library.symbols;
  const fd = libc.posix_openpt(abi.openFlags);
  try {
    if (fd < 0) throw cannotOpen("the system gives none out; all may be in use");
    if (libc.grantpt(fd) !== 0 || libc.unlockpt(fd) !== 0) throw cannotOpen("it cannot be unlocked");
    const name = libc.ptsname(fd);
    if (name === null) throw cannotOpen("it has no name");
    const path = Deno.UnsafePointerView.getCString(name);
    setSize(libc, abi, fd, options.size);
    if (os.name === "linux") markUtf8(libc, fd);
    return new LibcPty(library, abi, os, fd, spawnIn(libc, abi, path, options));
  } catch (error) {
    if (fd >= 0) libc.close(fd);
    library.close();
    throw error;
  }
}

function cannotOpen(reason: string): Error {
  return new Error(`Cannot open a pseudo terminal: ${reason}`);
}

let support: Promise<PtySupport> | undefined;

/** Finds out, once, whether a program in a pseudo terminal finds its terminal. Never rejects. */
export function ptySupport(): Promise<PtySupport> {
  support ??= tryOut().catch((error) => ({
    available: false,
    reason: error instanceof Error ? error.message : String(error),
  }));
  return support;
}

async function tryOut(): Promise<PtySupport> {
  const pty = openPty({
    file: "/bin/sh",
    // Opening it fails without a controlling terminal, and then neither Ctrl-C nor job control would work.
    argv: ["sh", "-c", ": </dev/tty"],
    cwd: "/",
    env: {},
    size: { cols: 80, rows: 24 },
  });
  const { code } = await pty.exited;
  await pty.close();
  if (code === 0) return { available: true };
  return { available: false, reason: "a program in a pseudo terminal of this system does not get it as its own" };
}

class LibcPty implements Pty {
  readonly pid: number;
  readonly exited: Promise<ProgramExit>;
  readonly #libc: Libc;
  readonly #abi: Abi;
  readonly #os: Os;
  readonly #fd: number;
  readonly #buffer = new Uint8Array(READ_BYTES);
  readonly #looking = new Set<Promise<number>>();
  readonly #closed = Promise.withResolvers<void>();
  #isClosed = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(library: Library, abi: Abi, os: Os, fd: number, pid: number) {
    this.#libc = library.symbols;
    this.#abi = abi;
    this.#os = os;
    this.#fd = fd;
    this.pid = pid;
    this.exited = this.#wait();
    void Promise.all([this.exited, this.#closed.promise]).then(() => library.close());
  }

  async read(): Promise<Uint8Array | undefined> {
    const seen = await this.#look(POLLIN);
    if (this.#isClosed) return undefined;
    if (seen === 0) return new Uint8Array();
    let size = 0;
    // The system hands out a page at a time at most; what is there already is worth no further turn.
    while (size < READ_BYTES) {
      const n = Number(this.#libc.read(this.#fd, this.#buffer.subarray(size), BigInt(READ_BYTES - size)));
      if (n <= 0) break;
      size += n;
    }
    if (size === 0 && (seen & POLL_GONE) !== 0) return undefined;
    return this.#buffer.slice(0, size);
  }

  write(bytes: Uint8Array): Promise<void> {
    const whole = bytes.slice();
    this.#writing = this.#writing.then(() => this.#type(whole));
    return this.#writing;
  }

  resize(size: PtySize): void {
    if (!this.#isClosed) setSize(this.#libc, this.#abi, this.#fd, size);
  }

  hangUp(): void {
    if (this.#isClosed) return;
    const foreground = this.#libc.tcgetpgrp(this.#fd);
    // A stopped job hears of it only when it goes on.
    for (const group of new Set([this.pid, foreground])) {
      if (group <= 0) continue;
      signalGroup(group, "SIGHUP");
      signalGroup(group, "SIGCONT");
    }
  }

  kill(): void {
    const killed = new Set<number>();
    // Who was being started during a look stands in the next one; the killed start nobody.
    for (;;) {
      const found = sessionMembers(this.pid, this.#os).filter((pid) => !killed.has(pid));
      if (found.length === 0) break;
      for (const pid of found) {
        signal(pid, "SIGKILL");
        killed.add(pid);
      }
    }
    signalGroup(this.pid, "SIGKILL");
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // The number of a file that another thread looks at must not be given to another file.
    await Promise.all([...this.#looking, this.#writing]);
    this.#libc.close(this.#fd);
    this.#closed.resolve();
  }

  async #type(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#isClosed;) {
      const n = Number(this.#libc.write(this.#fd, bytes.subarray(at), BigInt(bytes.length - at)));
      if (n > 0) at += n;
      else if ((await this.#look(POLLOUT) & POLL_GONE) !== 0) return;
    }
  }

  /** Waits for one of `events`, for a moment; 0 when none came. */
  async #look(events: number): Promise<number> {
    if (this.#isClosed) return POLL_GONE;
    const question = new Uint8Array(8);
    const view = new DataView(question.buffer);
    view.setInt32(0, this.#fd, true);
    view.setInt16(4, events, true);
    const looking = this.#libc.poll(question, 1n, LOOK_MS);
    this.#looking.add(looking);
    const found = await looking;
    this.#looking.delete(looking);
    return found > 0 ? view.getInt16(6, true) : 0;
  }

  async #wait(): Promise<ProgramExit> {
    const status = new Int32Array(1);
    // A signal that this process handles may cut a wait short.
    for (let tries = 0; tries < 1_000; tries++) {
      if (await this.#libc.waitpid(this.pid, new Uint8Array(status.buffer), 0) === this.pid) {
        return exitOf(status[0] ?? 0);
      }
    }
    return { code: null, signal: null };
  }
}

function exitOf(status: number): ProgramExit {
  const number = status & 0x7f;
  if (number === 0) return { code: status >> 8 & 0xff, signal: null };
  const name = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  return { code: null, signal: name ?? `signal ${number}` };
}

function setSize(libc: Libc, abi: Abi, fd: number, { cols, rows }: PtySize): void {
  const size = new Uint8Array(new Uint16Array([rows, cols, 0, 0]).buffer);
  if (abi.variadicOnStack) libc.ioctl_on_stack(fd, abi.setWindowSize, 0n, 0n, 0n, 0n, 0n, 0n, size);
  else libc.ioctl(fd, abi.setWindowSize, size);
}

/** Says that the keyboard types UTF-8, so that the line editor of the system erases whole characters. */
function markUtf8(libc: Libc, fd: number): void {
  const IUTF8 = 0o40000;
  const settings = new Uint8Array(256);
  if (libc.tcgetattr(fd, settings) !== 0) return;
  const view = new DataView(settings.buffer);
  view.setUint32(0, view.getUint32(0, true) | IUTF8, true);
  libc.tcsetattr(fd, 0, settings);
}

/** Starts the program with the terminal as its three streams, and returns its pid. */
function spawnIn(libc: Libc, abi: Abi, terminal: string, { file, argv, cwd, env }: PtyOptions): number {
  // Larger than these types are on any system.
  const attributes = new Uint8Array(1_024);
  const actions = new Uint8Array(1_024);
  const signals = new Uint8Array(256);
  const pid = new Int32Array(1);
  const path = cString(terminal);
  const folder = cString(cwd);
  const args = new CStrings(argv);
  const variables = new CStrings(Object.entries(env).map(([name, value]) => `${name}=${value}`));
  libc.posix_spawnattr_init(attributes);
  libc.posix_spawn_file_actions_init(actions);
  try {
    libc.posix_spawnattr_setflags(attributes, abi.spawnFlags);
    libc.sigemptyset(signals);
    libc.posix_spawnattr_setsigmask(attributes, signals);
    // This process ignores SIGPIPE, which the program would go on to do.
    libc.sigfillset(signals);
    libc.posix_spawnattr_setsigdefault(attributes, signals);
    libc.posix_spawn_file_actions_addchdir_np(actions, folder);
    libc.posix_spawn_file_actions_addopen(actions, 0, path, O_RDWR, 0);
    libc.posix_spawn_file_actions_adddup2(actions, 0, 1);
    libc.posix_spawn_file_actions_adddup2(actions, 0, 2);
    const failure = libc.posix_spawn(
      new Uint8Array(pid.buffer),
      cString(file),
      actions,
      attributes,
      args.pointers,
      variables.pointers,
    );
    if (failure !== 0) throw new Error(`Cannot start "${file}" in "${cwd}": ${errorName(failure)}`);
    return pid[0] ?? 0;
  } finally {
    libc.posix_spawnattr_destroy(attributes);
    libc.posix_spawn_file_actions_destroy(actions);
  }
}

function errorName(number: number): string {
  const name = Object.entries(constants.errno).find(([, value]) => value === number)?.[0];
  return name ?? `error ${number}`;
}

/**
 * The processes of a session. Each job of a shell is a group of its own, and
 * only their session holds them together; where it cannot be looked up, the
 * group of the leader has to do.
 */
function sessionMembers(session: number, os: Os): number[] {
  if (os.name !== "linux") return [];
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // The name of the program stands in parentheses and may hold any of them.
      const [, , , member] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(member) === session;
    } catch {
      return false;
    }
  });
}

function signalGroup(group: number, name: NodeJS.Signals): void {
  signal(-group, name);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}
