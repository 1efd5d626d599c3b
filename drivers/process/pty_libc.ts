/**
 * The calls of the C library behind pseudo terminals, and what differs in them.
 *
 * @module
 */

import process from "node:process";
import type { OsName } from "./os.ts";

/** Numbers in which the C libraries differ. */
export interface Abi {
  readonly library: string;
  readonly openFlags: number;
  readonly spawnFlags: number;
  readonly setWindowSize: bigint;
  /** Whether arguments behind `...` travel on the stack, behind eight that do not. */
  readonly variadicOnStack: boolean;
}

export const O_RDWR = 2;

/** The numbers of a system; undefined where there are no pseudo terminals. */
export function abiOf(os: OsName): Abi | undefined {
  switch (os) {
    case "linux":
      return {
        library: "libc.so.6",
        // O_NOCTTY, O_NONBLOCK, O_CLOEXEC
        openFlags: O_RDWR | 0o400 | 0o4000 | 0o2000000,
        // SETSIGDEF, SETSIGMASK, SETSID
        spawnFlags: 0x04 | 0x08 | 0x80,
        setWindowSize: 0x5414n,
        variadicOnStack: false,
      };
    case "darwin":
      return {
        library: "libSystem.B.dylib",
        openFlags: O_RDWR | 0x20000 | 0x4 | 0x1000000,
        spawnFlags: 0x04 | 0x08 | 0x400,
        setWindowSize: 0x80087467n,
        variadicOnStack: process.arch === "arm64",
      };
    case "windows":
      return undefined;
  }
}

/** Loads the calls that terminals need; whoever loads them closes them. @throws {TypeError} When one is missing. */
// The type is that of the list below, which nobody wants to read twice.
// deno-lint-ignore explicit-module-boundary-types
export function loadLibc({ library }: Abi) {
  return Deno.dlopen(
    library,
    {
      posix_openpt: { parameters: ["i32"], result: "i32" },
      unlockpt: { parameters: ["i32"], result: "i32" },
      grantpt: { parameters: ["i32"], result: "i32" },
      ptsname: { parameters: ["i32"], result: "pointer" },
      close: { parameters: ["i32"], result: "i32" },
      read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
      write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
      poll: { parameters: ["buffer", "usize", "i32"], result: "i32", nonblocking: true },
      ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
      ioctl_on_stack: {
        name: "ioctl",
        parameters: ["i32", "u64", "u64", "u64", "u64", "u64", "u64", "u64", "buffer"],
        result: "i32",
      },
      tcgetpgrp: { parameters: ["i32"], result: "i32" },
      tcgetattr: { parameters: ["i32", "buffer"], result: "i32" },
      tcsetattr: { parameters: ["i32", "i32", "buffer"], result: "i32" },
      waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32", nonblocking: true },
      sigfillset: { parameters: ["buffer"], result: "i32" },
      sigemptyset: { parameters: ["buffer"], result: "i32" },
      posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
      posix_spawnattr_destroy: { parameters: ["buffer"], result: "i32" },
      posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
      posix_spawnattr_setsigdefault: { parameters: ["buffer", "buffer"], result: "i32" },
      posix_spawnattr_setsigmask: { parameters: ["buffer", "buffer"], result: "i32" },
      posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
      posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
      posix_spawn_file_actions_addopen: { parameters: ["buffer", "i32", "buffer", "i32", "u32"], result: "i32" },
      posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
      posix_spawn_file_actions_addchdir_np: { parameters: ["buffer", "buffer"], result: "i32" },
      posix_spawn: { parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
    } as const,
  );
}

/** The C library. */
export type Library = ReturnType<typeof loadLibc>;

/** Its calls. */
export type Libc = Library["symbols"];

/** A text as C wants it. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new TypeError("Cannot hand a zero byte to a program");
  return new TextEncoder().encode(`${text}\0`);
}

/** A list of texts as C wants it: pointers, the last one null. Holds the texts for as long as it lives. */
export class CStrings {
  readonly pointers: Uint8Array<ArrayBuffer>;
  readonly texts: readonly Uint8Array<ArrayBuffer>[];

  constructor(texts: readonly string[]) {
    this.texts = texts.map(cString);
    const pointers = [...this.texts.map((text) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(text))), 0n];
    this.pointers = new Uint8Array(new BigUint64Array(pointers).buffer);
  }
}
