/**
 * What a helper of a library driver does: loads a private copy of the library
 * and calls its function.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import type { CallResult } from "../process/helper_frames.ts";
import { type HelperWork, serveHelper } from "../process/helper_server.ts";
import { reasonOf } from "./probe.ts";

/** What the helper is told. */
export const libraryWords = z.object({
  /** Absolute path of the library. */
  file: z.string(),
  /** Folder for the copy. */
  folder: z.string(),
  symbol: z.string(),
  sha256: z.string().optional(),
  /** Limit of each output, in bytes. */
  limit: z.int(),
  mark: z.string(),
});

/** See {@linkcode libraryWords}. */
export type LibraryWords = z.output<typeof libraryWords>;

/** Length of the two buffers that a library gets, in bytes; more where its manifest allows more. */
export const BUFFER_BYTES = 1_048_576;

/** Exit code of a call whose library has said something that cannot be. */
const NONSENSE = 125;

/** C: int f(payload, payload_len, out, out_cap, *out_len, err, err_cap, *err_len) */
const signature = {
  parameters: ["buffer", "usize", "buffer", "usize", "buffer", "buffer", "usize", "buffer"],
  result: "i32",
} as const;

/** Serves calls until nobody asks any more. */
export function serveLibrary(): void {
  serveHelper(new Library());
}

class Library implements HelperWork {
  #call: ((payload: Uint8Array) => number) | undefined;
  #limit = 0;
  #out = new Uint8Array();
  #err = new Uint8Array();
  readonly #outLength = new BigUint64Array(1);
  readonly #errLength = new BigUint64Array(1);

  load(words: unknown): string | undefined {
    const told = libraryWords.parse(words);
    const library = openCopy(told);
    if (typeof library === "string") return library;
    const size = BigInt(Math.max(BUFFER_BYTES, told.limit));
    this.#limit = told.limit;
    this.#out = new Uint8Array(Number(size));
    this.#err = new Uint8Array(Number(size));
    this.#call = (payload) =>
      library.call(payload, BigInt(payload.length), this.#out, size, this.#outLength, this.#err, size, this.#errLength);
    return undefined;
  }

  call(payload: Uint8Array): Omit<CallResult, "isMarked"> {
    this.#outLength[0] = 0n;
    this.#errLength[0] = 0n;
    const code = this.#call?.(payload) ?? NONSENSE;
    const [out = 0n, err = 0n] = [this.#outLength[0], this.#errLength[0]];
    const nonsense = [["out_len", out, this.#out] as const, ["err_len", err, this.#err] as const]
      .find(([, length, buffer]) => length > buffer.length);
    if (nonsense !== undefined) {
      const [name, length, buffer] = nonsense;
      const note = `it set *${name} to ${length}, and the buffer has ${buffer.length} bytes`;
      return {
        end: "exit",
        exitCode: NONSENSE,
        stdout: new Uint8Array(),
        stderr: new Uint8Array(),
        note,
        isSpent: false,
      };
    }
    const isTooMuch = out > this.#limit || err > this.#limit;
    return {
      end: isTooMuch ? "output_limit" : "exit",
      exitCode: code < 0 || code > 255 ? 255 : code,
      stdout: this.#out.subarray(0, Math.min(Number(out), this.#limit)),
      stderr: this.#err.subarray(0, Math.min(Number(err), this.#limit)),
      note: "",
      isSpent: false,
    };
  }
}

/** The function, or why there is none. */
type Opened = Deno.DynamicLibrary<{ call: typeof signature }>["symbols"] | string;

/** Loads a copy, so that the library may be replaced while it is in use; the copy is removed as soon as it can be. */
function openCopy({ file, folder, symbol, sha256 }: LibraryWords): Opened {
  const bytes = readFileSync(file);
  const found = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== undefined && found !== sha256) return `its SHA-256 is ${found}, and runtime.sha256 wants ${sha256}`;
  const copy = join(folder, basename(file));
  writeFileSync(copy, bytes, { mode: 0o500 });
  try {
    return Deno.dlopen(copy, { call: { ...signature, name: symbol } }).symbols;
  } catch (error) {
    return said(reasonOf(error), { copy, file, symbol });
  } finally {
    removed(copy);
  }
}

/** Puts the name of the library for that of the copy, and adds what can be done. */
function said(reason: string, { copy, file, symbol }: { copy: string; file: string; symbol: string }): string {
  const text = reason.replaceAll(copy, file);
  if (text.includes("failed to map segment")) {
    return `${text}; programs may not be run from the folder for temporary files: name another one in TMPDIR`;
  }
  if (text.includes("Failed to register symbol")) {
    return `it does not export the function "${symbol}"; correct runtime.invoke_symbol`;
  }
  return text;
}

/** Windows keeps the file of a loaded library; the driver removes it when the helper has ended. */
function removed(copy: string): void {
  try {
    rmSync(copy, { force: true });
  } catch {
    // See above.
  }
}
