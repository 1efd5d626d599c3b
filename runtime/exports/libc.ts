/**
 * The calls of Linux that the runtime has no words for: descriptors that name a
 * file without opening it, extended attributes, locks.
 *
 * Where it cannot be loaded (another system, another C
 * library, no permission to load libraries) there is none, and the folder does
 * without: it says so in its capabilities.
 *
 * @module
 */

import { currentOs } from "../../drivers/process/mod.ts";

/** How a lock is asked for. */
export type LockOperation = "shared" | "exclusive" | "unlock";

/** The calls. Those that fail throw an error with the system's `code`, as those of `node:fs` do. */
export interface Libc {
  /** Holds a file, of any kind, without opening it. Undefined when it cannot be: the caller finds out why. */
  hold(path: string): Promise<number | undefined>;
  /** The same, while everybody waits. */
  holdAtOnce(path: string): number;
  /** Opens a file to lock it. */
  openToLock(path: string): number;
  close(descriptor: number): void;
  /** Never waits: `EAGAIN` when another has the lock. */
  lock(descriptor: number, operation: LockOperation): void;
  /** Sets times in nanoseconds since the Unix epoch; one that is undefined stays. */
  setTimes(path: string, accessed: bigint | undefined, modified: bigint | undefined): void;
  getAttribute(path: string, name: string): Uint8Array;
  listAttributes(path: string): string[];
  setAttribute(path: string, name: string, value: Uint8Array, flags: number): void;
  removeAttribute(path: string, name: string): void;
}

const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;
const LOCK_NB = 4;
const LOCKS: Readonly<Record<LockOperation, number>> = { shared: 1, exclusive: 2, unlock: 8 };

const AT_FDCWD = -100;
/** In place of the nanoseconds: this time stays. */
const UTIME_OMIT = 0x3ffffffen;
const SECOND = 1_000_000_000n;

/** Largest value of an attribute, and largest list of their names, on Linux. */
const MAX_ATTRIBUTE_BYTES = 65_536;

const CODES: ReadonlyMap<number, string> = new Map([
  [1, "EPERM"],
  [2, "ENOENT"],
  [5, "EIO"],
  [7, "E2BIG"],
  [9, "EBADF"],
  [11, "EAGAIN"],
  [12, "ENOMEM"],
  [13, "EACCES"],
  [17, "EEXIST"],
  [20, "ENOTDIR"],
  [22, "EINVAL"],
  [23, "ENFILE"],
  [24, "EMFILE"],
  [28, "ENOSPC"],
  [30, "EROFS"],
  [34, "ERANGE"],
  [36, "ENAMETOOLONG"],
  [40, "ELOOP"],
  [61, "ENODATA"],
  [95, "EOPNOTSUPP"],
  [122, "EDQUOT"],
]);

const functions = {
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  getxattr: { parameters: ["buffer", "buffer", "buffer", "usize"], result: "isize" },
  listxattr: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  setxattr: { parameters: ["buffer", "buffer", "buffer", "usize", "i32"], result: "i32" },
  removexattr: { parameters: ["buffer", "buffer"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

function load(): Libc | undefined {
  try {
    const { symbols } = Deno.dlopen("libc.so.6", functions);
    // A file system may be slow to find a file, so this one call must not hold up everybody.
    const waiting = Deno.dlopen("libc.so.6", {
      open: { parameters: ["buffer", "i32", "i32"], result: "i32", nonblocking: true },
    });
    const checked = (call: string, result: number | bigint): number => {
      if (result >= 0) return Number(result);
      const place = symbols.__errno_location();
      const number = place === null ? 5 : new Deno.UnsafePointerView(place).getInt32();
      throw Object.assign(new Error(`Cannot ${call}: error number ${number}`), { code: CODES.get(number) ?? "EIO" });
    };
    return {
      async hold(path) {
        const descriptor = await waiting.symbols.open(textOf(path), O_PATH | O_CLOEXEC, 0);
        return descriptor < 0 ? undefined : descriptor;
      },
      holdAtOnce: (path) => checked("hold", symbols.open(textOf(path), O_PATH | O_CLOEXEC, 0)),
      openToLock: (path) => checked("open", symbols.open(textOf(path), O_NONBLOCK | O_CLOEXEC, 0)),
      close: (descriptor) => void symbols.close(descriptor),
      lock: (descriptor, operation) => void checked("lock", symbols.flock(descriptor, LOCKS[operation] | LOCK_NB)),
      setTimes(path, accessed, modified) {
        const times = BigInt64Array.from([...timespec(accessed), ...timespec(modified)]);
        checked("set times", symbols.utimensat(AT_FDCWD, textOf(path), new Uint8Array(times.buffer), 0));
      },
      getAttribute(path, name) {
        const value = new Uint8Array(MAX_ATTRIBUTE_BYTES);
        const length = symbols.getxattr(textOf(path), textOf(name), value, BigInt(value.length));
        return value.subarray(0, checked("read an attribute", length));
      },
      listAttributes(path) {
        const names = new Uint8Array(MAX_ATTRIBUTE_BYTES);
        const length = checked("list attributes", symbols.listxattr(textOf(path), names, BigInt(names.length)));
        return new TextDecoder().decode(names.subarray(0, length)).split("\0").filter((name) => name !== "");
      },
      setAttribute(path, name, value, flags) {
        const copy = new Uint8Array(value);
        checked("set an attribute", symbols.setxattr(textOf(path), textOf(name), copy, BigInt(copy.length), flags));
      },
      removeAttribute: (path, name) =>
        void checked("remove an attribute", symbols.removexattr(textOf(path), textOf(name))),
    };
  } catch {
    return undefined; // musl, or a runtime without the permission
  }
}

/** Seconds and, never negative, the nanoseconds after them. */
function timespec(time: bigint | undefined): [bigint, bigint] {
  if (time === undefined) return [0n, UTIME_OMIT];
  const rest = ((time % SECOND) + SECOND) % SECOND;
  return [(time - rest) / SECOND, rest];
}

/** Text as C wants it. Nothing that comes here holds a NUL: names and paths were checked. */
function textOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

// Once for the process, when the module is loaded: there is nothing to wait for and no owner who could unload it.
const libc = currentOs.name === "linux" ? load() : undefined;

/** The calls, or undefined where there are none. */
export function linuxLibc(): Libc | undefined {
  return libc;
}
