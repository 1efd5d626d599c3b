import type { MachineRule } from "../../rule.ts";
import { locate, namedFile } from "./_runtime.ts";

/** Code for this machine. */
export const architecture: MachineRule = {
  id: "architecture",
  severity: "error",
  reason: "Programs and libraries hold machine code for the system and processor that they run on.",
  async check(manifest, probe) {
    const file = namedFile(manifest);
    if (file === undefined || file.type === "wasm") return [];
    const place = await locate(file, probe);
    const targets = place === undefined ? [] : await probe.machineCode(place);
    const { os, arch } = probe.system;
    if (targets.length === 0 || targets.some((target) => target.os === os && target.arch === arch)) return [];
    const built = targets.map((target) => `${target.os} ${target.arch}`).join(", ");
    return [{
      path: file.path,
      message: `"${file.name}" is built for another machine: ${built} found, ${os} ${arch} wanted`,
      hint: `install the build for ${os} ${arch}`,
    }];
  },
};
