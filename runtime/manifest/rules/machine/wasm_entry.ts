import type { MachineRule } from "../../rule.ts";
import { readModule } from "./_module.ts";

/** Exports of a module that is called without WASI; docs/driver_abi.md. */
const PAIR = ["spider_venom_alloc", "spider_venom_invoke_json"];

/** Modules that can be called. */
export const wasmEntry: MachineRule = {
  id: "wasm-entry",
  severity: "error",
  reason: "A module exports what is called: the function that `runtime.entrypoint` names, else the pair " +
    "`spider_venom_alloc` and `spider_venom_invoke_json` with its memory, else `_start`.",
  async check(manifest, probe) {
    const module = await readModule(manifest, probe);
    if (module === undefined) return [];
    const functions = new Set(module.exports.filter(({ kind }) => kind === "function").map(({ name }) => name));
    const { entrypoint } = module.file.runtime;
    if (typeof entrypoint === "string") {
      if (functions.has(entrypoint)) return [];
      return [{
        path: ["runtime", "entrypoint"],
        message: `module "${module.file.name}" does not export the function "${entrypoint}"`,
        hint: functions.size === 0 ? "it exports no function" : `it exports ${[...functions].slice(0, 8).join(", ")}`,
      }];
    }
    const hasMemory = module.exports.some(({ name, kind }) => name === "memory" && kind === "memory");
    if (functions.has("_start") || (hasMemory && PAIR.every((name) => functions.has(name)))) return [];
    return [{
      path: module.file.path,
      message: `module "${module.file.name}" has nothing to call: neither "_start" nor ${
        PAIR.join(" and ")
      } is exported`,
      hint: "build it for WASI preview 1, or name its function in runtime.entrypoint",
    }];
  },
};
