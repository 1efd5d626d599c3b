import type { MachineRule } from "../../rule.ts";
import { namedFile } from "./_runtime.ts";

/** What a library exports unless its manifest names something else. */
const DEFAULT_SYMBOL = "spiderweb_driver_v1_invoke_json";

/** Libraries that can be loaded here. */
export const library: MachineRule = {
  id: "library",
  severity: "error",
  reason:
    "The library of a native_inproc runtime is there, can be loaded (tried in a process of its own) and exports the " +
    "function that is called.",
  async check(manifest, probe) {
    const file = namedFile(manifest);
    if (file?.type !== "native_inproc") return [];
    const found = await probe.file(file.name);
    if (!found.found) {
      return [{
        path: file.path,
        message: `library "${file.name}" cannot be read: ${found.reason}`,
        hint: "correct the path",
      }];
    }
    const { os, arch } = probe.system;
    const targets = await probe.machineCode(found.file);
    // Of a library for another machine the rule architecture speaks.
    if (targets.length > 0 && !targets.some((target) => target.os === os && target.arch === arch)) return [];
    // Loading runs code: what is not the pinned file is not loaded, and the rule sha256 speaks of it.
    const pinned = file.runtime["sha256"];
    const digest = typeof pinned === "string" ? await probe.sha256(found.file) : undefined;
    if (digest !== undefined && digest !== pinned) return [];
    const named = file.runtime["invoke_symbol"];
    const symbol = typeof named === "string" ? named : DEFAULT_SYMBOL;
    const answer = await probe.library(found.file, symbol);
    if (answer.ok) return [];
    if (answer.problem === "load") {
      return [{
        path: file.path,
        message: `library "${file.name}" cannot be loaded: ${answer.reason}`,
        hint: `name a shared library for ${os} ${arch}, and install the libraries that it needs`,
      }];
    }
    return [{
      path: typeof named === "string" ? ["runtime", "invoke_symbol"] : file.path,
      message: `library "${file.name}" does not export the function "${symbol}"`,
      hint: "export the function, or name it in runtime.invoke_symbol",
    }];
  },
};
