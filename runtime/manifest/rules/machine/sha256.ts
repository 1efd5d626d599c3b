import type { MachineRule } from "../../rule.ts";
import { locate, namedFile } from "./_runtime.ts";

/** Files that are what was meant. */
export const sha256: MachineRule = {
  id: "sha256",
  severity: "error",
  reason: "Where `runtime.sha256` pins the program, library or module, the file on this machine has that digest.",
  async check(manifest, probe) {
    const file = namedFile(manifest);
    const wanted = file?.runtime["sha256"];
    if (file === undefined || typeof wanted !== "string") return [];
    const place = await locate(file, probe);
    const found = place === undefined ? undefined : await probe.sha256(place);
    if (found === undefined || found === wanted) return [];
    return [{
      path: ["runtime", "sha256"],
      message: `"${file.name}" is not the file that is pinned: ${found.slice(0, 12)}… found, ${
        wanted.slice(0, 12)
      }… wanted`,
      hint: `if the new file is meant, write "sha256": "${found}"`,
    }];
  },
};
