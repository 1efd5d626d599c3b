/**
 * The `runtime` of a manifest whose service is a program.
 *
 * @module
 */

import { z } from "zod";
import { driverAbi, processMembers, programWord, RUNTIME_TYPE } from "../process/config.ts";

/** `runtime` of a manifest whose service is a program: JSON on standard input, the result on standard output. */
export const nativeProcConfig = z.looseObject({
  type: z.literal("native_proc").meta({ description: RUNTIME_TYPE }),
  abi: driverAbi,
  executable_path: programWord
    .meta({ description: "A path, or a bare name that is looked up on PATH; `zss` means this program." }),
  ...processMembers,
});

/** A checked configuration. */
export type NativeProcConfig = z.output<typeof nativeProcConfig>;
