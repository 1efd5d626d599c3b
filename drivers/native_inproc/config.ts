/**
 * The `runtime` of a manifest whose service is a shared library.
 *
 * @module
 */

import { z } from "zod";
import { driverAbi, processMembers, programWord, RUNTIME_TYPE } from "../process/config.ts";

/** What a library exports when its manifest names nothing else. */
export const DEFAULT_INVOKE_SYMBOL = "spiderweb_driver_v1_invoke_json";

/** `runtime` of a manifest whose service is a shared library with the C interface of docs/driver_abi.md. */
export const nativeInprocConfig = z.looseObject({
  type: z.literal("native_inproc").meta({ description: RUNTIME_TYPE }),
  abi: driverAbi,
  library_path: programWord.meta({ description: "The shared library; it is loaded in a process of its own." }),
  invoke_symbol: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of a C function")
    .default(DEFAULT_INVOKE_SYMBOL).meta({ description: "The function that is called." }),
  max_memory_bytes: z.int().min(1_048_576).max(68_719_476_736).default(536_870_912).meta({
    description: "Most memory that the library may take, in bytes; a call that takes more is ended.",
  }),
  in_process: z.boolean().optional()
    .meta({ description: "Accepted and without effect: a library never runs in the node itself." }),
  ...processMembers,
});

/** A checked configuration. */
export type NativeInprocConfig = z.output<typeof nativeInprocConfig>;
