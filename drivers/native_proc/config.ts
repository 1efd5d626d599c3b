/**
 * The `runtime` of a manifest whose service is a program.
 *
 * @module
 */

import { z } from "zod";
import { driverAbi, processMembers, programWord, RUNTIME_TYPE } from "../process/config.ts";

/** Most processes that a service may keep waiting. */
const MAX_POOL = 64;

/** Most calls that one service may have under way. */
const MAX_CONCURRENCY = 256;

/** `runtime` of a manifest whose service is a program: JSON on standard input, the result on standard output. */
export const nativeProcConfig = z.looseObject({
  type: z.literal("native_proc").meta({ description: RUNTIME_TYPE }),
  abi: driverAbi,
  executable_path: programWord
    .meta({ description: "A path, or a bare name that is looked up on PATH; `zss` means this program." }),
  mode: z.enum(["spawn", "persistent"]).default("spawn").meta({
    description: "`spawn`: a process for each call. `persistent`: one process for all, a line for each call.",
  }),
  pool: z.int().min(0).max(MAX_POOL).default(0).meta({
    description: "How many processes wait, already started, for one call each; for mode `spawn`.",
  }),
  concurrency: z.int().min(1).max(MAX_CONCURRENCY).optional().meta({
    description: "How many calls may be under way; without it 4, or 32 in mode `persistent`.",
  }),
  ...processMembers,
});

/** A checked configuration. */
export type NativeProcConfig = z.output<typeof nativeProcConfig>;
