/**
 * The rules that ask the machine.
 *
 * @module
 */

import type { MachineRule } from "../../rule.ts";

/** Rules that run with `--machine` only. */
export const machineRules: readonly MachineRule[] = [];
