/**
 * The module of a wasm runtime.
 *
 * @module
 */

import type { JsonObject, MachineProbe } from "../../rule.ts";
import { locate, type NamedFile, namedFile } from "./_runtime.ts";

/** A module that could be read. */
export interface ReadModule {
  readonly file: NamedFile;
  readonly exports: readonly { readonly name: string; readonly kind: string }[];
  readonly imports: readonly { readonly module: string; readonly name: string; readonly kind: string }[];
}

/** Reads the module of a manifest; undefined when there is none, or none that can be read. */
export async function readModule(manifest: JsonObject, probe: MachineProbe): Promise<ReadModule | undefined> {
  const file = namedFile(manifest);
  if (file?.type !== "wasm") return undefined;
  const place = await locate(file, probe);
  const module = place === undefined ? undefined : await probe.wasm(place);
  return module?.ok ? { file, exports: module.exports, imports: module.imports } : undefined;
}
