/**
 * Looks whether a shared library can be loaded. Runs in a helper, since loading
 * one runs its code, and that may end the process.
 *
 * @module
 */

/** What was found of a library. */
export type LibraryProbe =
  | { readonly ok: true }
  /** `load`: it is no library for this machine, or lacks another one. `symbol`: it loads and lacks the function. */
  | { readonly ok: false; readonly problem: "load" | "symbol"; readonly reason: string };

/** Loads a library in this process and looks for a function. */
export function probeLibrary(file: string, symbol: string): LibraryProbe {
  let library: { close(): void };
  try {
    library = Deno.dlopen(file, {});
  } catch (error) {
    return { ok: false, problem: "load", reason: reasonOf(error) };
  }
  library.close();
  try {
    Deno.dlopen(file, { [symbol]: { parameters: [], result: "void" } }).close();
    return { ok: true };
  } catch (error) {
    return { ok: false, problem: "symbol", reason: reasonOf(error) };
  }
}

/** What the loader of the system says, without the words that the runtime puts around it. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^(?:Could not open library: )+/, "").replace(/\.$/, "");
}
