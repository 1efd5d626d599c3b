/**
 * The helper's side of `helper.ts`: reads what is asked, answers, and ends when
 * nobody asks any more.
 *
 * The code that a helper runs may print, and must not reach the pipes of the
 * helper by that. So these are moved away from descriptors 0 and 1, which then
 * are empty and standard error. Everything here waits without letting anything
 * else run, which answers a call in a tenth of the time that waiting for events
 * would take; nothing else is to be done in a helper.
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";
import {
  ANSWER,
  type CallResult,
  decodeCall,
  encodeFrame,
  encodeResult,
  HEAD_BYTES,
  REQUEST,
} from "./helper_frames.ts";
import { currentOs } from "./os.ts";

/** What a helper does. */
export interface HelperWork {
  /** Prepares what it is told. Returns a clause that says why it cannot; undefined when it is prepared. */
  load(words: unknown): string | undefined;
  /** Runs a call. */
  call(payload: Uint8Array, timeoutMs: number): Omit<CallResult, "isMarked">;
  /** Called when an answer is given, to prepare for the next call; runs no code of others. */
  rest?(): void;
}

/** What a helper knows of its own process. */
export interface HelperProcess {
  /** Reads up to the length of `into`; 0 at the end. */
  read(into: Uint8Array): number;
  write(bytes: Uint8Array): void;
  /** Gives out what the code has printed and writes `mark` behind it. Returns whether that is possible. */
  mark(mark: Uint8Array): boolean;
  /** Whether it has children; they end with it. */
  hasChildren(): boolean;
  /** Clauses about its children that do not end with it, because they left its group. */
  strays(): readonly string[];
  /** Lets the process end on its own if it still works after that time, as one does whose parent was killed; 0: never. */
  limit(ms: number): void;
}

/** How much longer than its call a helper lives that nobody can kill, in milliseconds. */
const ORPHAN_MS = 5_000;

/** Most bytes that are asked of a helper at once; a driver sends no more. */
const MOST_ASKED = 64 * 1_048_576;

/**
 * Serves until nobody asks any more.
 *
 * @param mark See {@linkcode HelperProcess.mark}; taken from the words of `load` where they have one.
 */
export function serveHelper(work: HelperWork, self: HelperProcess = thisProcess()): void {
  let mark: Uint8Array | undefined;
  for (let frame = readFrame(self); frame !== undefined; frame = readFrame(self)) {
    if (frame.kind === REQUEST.load) {
      const words: unknown = JSON.parse(new TextDecoder().decode(frame.body));
      mark = markIn(words);
      self.write(prepare(work, words));
      continue;
    }
    const { timeoutMs, payload } = decodeCall(frame.body);
    self.limit(timeoutMs + ORPHAN_MS);
    const result = work.call(payload, timeoutMs);
    self.limit(0);
    const isMarked = mark !== undefined && self.mark(mark);
    const hasChildren = self.hasChildren();
    const stderr = hasChildren ? withStrays(result.stderr, self.strays()) : result.stderr;
    self.write(encodeResult({ ...result, stderr, isMarked, isSpent: result.isSpent || hasChildren }));
    work.rest?.();
  }
}

function prepare(work: HelperWork, words: unknown): Uint8Array {
  const reason = whyNot(() => work.load(words));
  if (reason === undefined) return encodeFrame(ANSWER.ready);
  return encodeFrame(ANSWER.refused, new TextEncoder().encode(reason.slice(0, 4_096)));
}

function whyNot(load: () => string | undefined): string | undefined {
  try {
    return load();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function markIn(words: unknown): Uint8Array | undefined {
  if (typeof words !== "object" || words === null || !("mark" in words)) return undefined;
  return typeof words.mark === "string" ? new TextEncoder().encode(words.mark) : undefined;
}

function withStrays(stderr: Uint8Array, strays: readonly string[]): Uint8Array {
  const words = new TextEncoder().encode(
    strays.map((stray) => `zss: the call left ${stray} behind, out of reach\n`).join(""),
  );
  const both = new Uint8Array(stderr.length + words.length);
  both.set(stderr);
  both.set(words, stderr.length);
  return both;
}

let held = new Uint8Array(65_536);

/** Reads one frame, usually at once. Its body is overwritten by the next. */
function readFrame(self: HelperProcess): { readonly kind: number; readonly body: Uint8Array } | undefined {
  let size = 0;
  let wanted = HEAD_BYTES;
  while (size < wanted) {
    const got = self.read(held.subarray(size));
    if (got <= 0) return undefined;
    size += got;
    if (size < HEAD_BYTES) continue;
    wanted = HEAD_BYTES + new DataView(held.buffer).getUint32(0, true);
    if (wanted > MOST_ASKED) return undefined;
    if (wanted > held.length) {
      const larger = new Uint8Array(wanted);
      larger.set(held.subarray(0, size));
      held = larger;
    }
  }
  return { kind: held[4] ?? 0, body: held.subarray(HEAD_BYTES, wanted) };
}

/** The functions of the C library that a helper needs. */
const libcFunctions = {
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  dup: { parameters: ["i32"], result: "i32" },
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "usize"], result: "i32" },
  fflush: { parameters: ["pointer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  waitid: { parameters: ["i32", "u32", "buffer", "i32"], result: "i32" },
  alarm: { parameters: ["u32"], result: "u32" },
} as const;

/** Closes a descriptor in the programs that this process starts. */
const FIOCLEX = { linux: 0x5451n, darwin: 0x20006601n, windows: 0n } as const;
const RLIMIT_CORE = 4;
const PR_SET_PDEATHSIG = 1;
const PR_SET_CHILD_SUBREAPER = 36;
const SIGKILL = 9n;
/** WNOHANG, WEXITED and WNOWAIT; the last two differ between the systems. */
const WAIT_FLAGS = { linux: 0x1 | 0x4 | 0x1000000, darwin: 0x1 | 0x4 | 0x20, windows: 0 } as const;

/** This process as a helper. */
function thisProcess(): HelperProcess {
  const { libc, name } = currentOs;
  if (libc === undefined) return processOfStreams();
  const { symbols: c } = Deno.dlopen(libc, libcFunctions);
  const input = c.dup(0);
  const output = c.dup(1);
  for (const pipe of [input, output]) c.ioctl(pipe, FIOCLEX[name]);
  const empty = c.open(new TextEncoder().encode("/dev/null\0"), 0);
  c.dup2(empty, 0);
  c.dup2(2, 1);
  // What crashes here crashes with the whole runtime in its memory: a core file of that helps nobody and fills the disk.
  c.setrlimit(RLIMIT_CORE, new BigUint64Array([0n, 0n]));
  if (name === "linux") outliveNobody(libc);
  const info = new Uint8Array(128);
  return {
    read: (into) => Number(c.read(input, into, BigInt(into.length))),
    write: (bytes) => writeAll(bytes, (rest) => Number(c.write(output, rest, BigInt(rest.length)))),
    mark(mark) {
      c.fflush(null);
      return writeAll(mark, (rest) => Number(c.write(2, rest, BigInt(rest.length))));
    },
    hasChildren: () => c.waitid(0, 0, info, WAIT_FLAGS[name]) === 0,
    strays: name === "linux" ? straysInProc : () => [],
    limit(ms) {
      if (name !== "linux") c.alarm(Math.ceil(ms / 1000));
    },
  };
}

/** Ends the process with its parent, also when it is busy, and makes it the parent of what its children leave. */
function outliveNobody(libc: string): void {
  const { symbols: c } = Deno.dlopen(libc, { prctl: { parameters: ["i32", "usize"], result: "i32" } });
  c.prctl(PR_SET_PDEATHSIG, SIGKILL);
  c.prctl(PR_SET_CHILD_SUBREAPER, 1n);
}

/** Finds the children of this process that live in another group. */
function straysInProc(): string[] {
  const pids = readdirSync("/proc/self/task")
    .flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" "))
    .filter((pid) => pid !== "");
  return pids.flatMap((pid) => {
    try {
      const [, name, state, group] = /\((.*)\) (\S) \d+ (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
      return state === "Z" || group === String(Deno.pid) ? [] : [`process ${pid} (${name})`];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}

/** Where there are no descriptors that could be moved: what the code prints to standard output damages the answer. */
function processOfStreams(): HelperProcess {
  return {
    read: (into) => Deno.stdin.readSync(into) ?? 0,
    write: (bytes) => writeAll(bytes, (rest) => Deno.stdout.writeSync(rest)),
    mark: () => false,
    hasChildren: () => false,
    strays: () => [],
    limit() {},
  };
}

function writeAll(bytes: Uint8Array, write: (rest: Uint8Array) => number): boolean {
  for (let rest = bytes; rest.length > 0;) {
    const written = write(rest);
    if (written <= 0) return false;
    rest = rest.subarray(written);
  }
  return true;
}
