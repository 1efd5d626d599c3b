import type { MachineRule } from "../../rule.ts";
import { namedFile } from "./_runtime.ts";

/** Modules that can be read here. */
export const wasmModule: MachineRule = {
  id: "wasm-module",
  severity: "error",
  reason: "The module of a wasm runtime is there and is WebAssembly.",
  async check(manifest, probe) {
    const file = namedFile(manifest);
    if (file?.type !== "wasm") return [];
    const found = await probe.file(file.name);
    if (!found.found) {
      return [{
        path: file.path,
        message: `module "${file.name}" cannot be read: ${found.reason}`,
        hint: "correct the path",
      }];
    }
    const module = await probe.wasm(found.file);
    if (module.ok) return [];
    return [{
      path: file.path,
      message: `module "${file.name}" is no WebAssembly: ${module.reason}`,
      hint: "name a binary module of version 1; a component or the text form is none",
    }];
  },
};
