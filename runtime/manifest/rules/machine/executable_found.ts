import type { MachineRule } from "../../rule.ts";
import { namedFile } from "./_runtime.ts";

/** Programs that can be started here. */
export const executableFound: MachineRule = {
  id: "executable-found",
  severity: "error",
  reason: "The program of a native_proc runtime is found, on PATH or at its path, and may be executed.",
  async check(manifest, probe) {
    const file = namedFile(manifest);
    if (file?.type !== "native_proc") return [];
    const cwd = typeof file.runtime["cwd"] === "string" ? file.runtime["cwd"] : undefined;
    const found = await probe.program(file.name, cwd);
    if (found.found) return [];
    return [{
      path: file.path,
      message: `runtime.executable_path "${file.name}" cannot be started: ${found.reason}`,
      hint: hintFor(file.name, found.reason),
    }];
  },
};

/** The next step; the reasons are those of `Os.findProgram`. */
function hintFor(name: string, reason: string): string {
  if (reason.endsWith("is not executable")) return "make the file executable";
  if (reason.endsWith("is not a file")) return "name the program, not a folder";
  return /[\\/]/.test(name) ? "correct the path" : "install the program, or write the path to it";
}
