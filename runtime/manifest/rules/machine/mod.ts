/**
 * The rules that ask the machine.
 *
 * @module
 */

import type { MachineRule } from "../../rule.ts";
import { architecture } from "./architecture.ts";
import { executableFound } from "./executable_found.ts";
import { library } from "./library.ts";
import { sha256 } from "./sha256.ts";
import { wasmEntry } from "./wasm_entry.ts";
import { wasmImport } from "./wasm_import.ts";
import { wasmModule } from "./wasm_module.ts";

/** Rules that run with `--machine` only. */
export const machineRules: readonly MachineRule[] = [
  executableFound,
  architecture,
  sha256,
  library,
  wasmModule,
  wasmEntry,
  wasmImport,
];
