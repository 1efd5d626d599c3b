/**
 * The file that a runtime is about.
 *
 * @module
 */

import type { JsonObject, MachineProbe, ValuePath } from "../../rule.ts";
import { objectAt, runtimeTypeOf } from "../_values.ts";

/** The name of the member that names the file, by type. */
const MEMBERS: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  ["native_proc", "executable_path"],
  ["native_inproc", "library_path"],
  ["wasm", "module_path"],
]);

/** A file that a manifest names. */
export interface NamedFile {
  readonly type: unknown;
  readonly name: string;
  readonly path: ValuePath;
  readonly runtime: JsonObject;
}

/** The program, library or module of a manifest; undefined when it names none. */
export function namedFile(manifest: JsonObject): NamedFile | undefined {
  const type = runtimeTypeOf(manifest);
  const member = MEMBERS.get(type);
  const runtime = objectAt(manifest, "runtime");
  const name = member === undefined ? undefined : runtime[member];
  if (member === undefined || typeof name !== "string" || name === "") return undefined;
  return { type, name, path: ["runtime", member], runtime };
}

/** Where that file is; undefined when it is not there, which another rule reports. */
export async function locate({ type, name, runtime }: NamedFile, probe: MachineProbe): Promise<string | undefined> {
  const cwd = typeof runtime["cwd"] === "string" ? runtime["cwd"] : undefined;
  const found = type === "native_proc" ? await probe.program(name, cwd) : await probe.file(name);
  return found.found ? found.file : undefined;
}
