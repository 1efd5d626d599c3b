/**
 * The `runtime` of a manifest whose service is a WebAssembly module.
 *
 * @module
 */

import { z } from "zod";
import { driverAbi, processMembers, programWord, RUNTIME_TYPE } from "../process/config.ts";

/** Most memory of a module whose manifest says nothing, in bytes. */
export const DEFAULT_MEMORY_BYTES = 268_435_456;

/** `runtime` of a manifest whose service is a WebAssembly module: WASI preview 1, or the exports of docs/driver_abi.md. */
export const wasmConfig = z.looseObject({
  type: z.literal("wasm").meta({ description: RUNTIME_TYPE }),
  abi: driverAbi,
  module_path: programWord.meta({ description: "The module." }),
  runner_path: programWord.optional()
    .meta({ description: "A program that runs the module instead of zss, for example wasmtime." }),
  entrypoint: z.string().regex(/^[A-Za-z0-9_.:-]+$/, "may hold only letters, digits, dot, underscore, colon and hyphen")
    .optional().meta({
      description: "The export that is called; without it the pair of docs/driver_abi.md, or `_start`.",
    }),
  fuel: z.int().min(1).max(Number.MAX_SAFE_INTEGER).optional()
    .meta({ description: "How many instructions a run may take; only for a `runner_path` that can count them." }),
  max_memory_bytes: z.int().min(65_536).max(4_294_967_296).optional()
    .meta({
      description: "Most memory that the module may have, in bytes; whole pages of 64 KiB are counted. " +
        "Without it 256 MiB, or what an external runner allows.",
    }),
  preopens: z.record(
    z.string().regex(/^\//, 'must start with "/"'),
    programWord,
  ).optional().meta({
    description: "Folders that the module sees: its own absolute path, then the folder of the machine.",
  }),
  ...processMembers,
});

/** A checked configuration. */
export type WasmConfig = z.output<typeof wasmConfig>;
