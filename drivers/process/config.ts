/**
 * What a manifest may say about anything that runs in a process of its own.
 *
 * @module
 */

import { z } from "zod";
import { isReservedVariable } from "./reserved_variables.ts";

/** Longest time that a run may be given, in milliseconds: one hour. */
export const MAX_TIMEOUT_MS = 3_600_000;

/** Time that a run gets when its manifest says nothing, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 30_000;

/** Largest limit of an output, in bytes. */
export const MAX_OUTPUT_BYTES = 16_777_216;

/** Schema of the name of a file, or of anything else that is handed to a program. */
export const programWord: z.ZodString = z.string().min(1, "must not be empty")
  .regex(/^[^\0]*$/, "must not hold a zero byte");

/** Members that every runtime with a process of its own has. */
export const processMembers = {
  args: z.array(programWord).default([]).meta({
    description: "Arguments, handed over one by one; no shell reads them.",
  }),
  timeout_ms: z.int().min(0).max(MAX_TIMEOUT_MS).default(DEFAULT_TIMEOUT_MS)
    .transform((ms) => ms === 0 ? DEFAULT_TIMEOUT_MS : ms)
    .meta({ description: "Milliseconds that one run may take; 0 stands for the default." }),
  env: z.record(
    z.string().regex(/^[^=\0]+$/, 'must be the name of a variable: not empty, without "="'),
    z.union([z.string().regex(/^[^\0]*$/), z.literal(true)], {
      error: "must be text, or true to hand over the variable of the node",
    }),
  ).superRefine((env, context) => {
    for (const name of Object.keys(env).filter(isReservedVariable)) {
      const message = "must not be set here: zss keeps this variable for itself, and manifests are published";
      context.addIssue({ code: "custom", path: [name], message, params: { rule: "reserved-variable" } });
    }
  }).default({}).meta({
    description: "Variables that the program gets beside the few that every program gets. " +
      "Text sets one; true hands over the variable of the node, so that a secret need not stand in the manifest.",
  }),
  cwd: programWord.optional().meta({ description: "Folder in which it runs; relative to that of the node." }),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hex digits").optional()
    .meta({ description: "SHA-256 of the executable or module; anything else is not started." }),
  max_output_bytes: z.int().min(1).max(MAX_OUTPUT_BYTES).default(1_048_576)
    .meta({ description: "Limit of each output, in bytes." }),
};

/** What `type` says about itself. */
export const RUNTIME_TYPE =
  "What the service is: a program, a shared library, a WebAssembly module, or nothing that runs.";

/** `abi`: which way of talking to drivers the manifest means. */
export const driverAbi = z.literal("namespace-driver-v1").optional()
  .meta({ description: "How the node talks to the driver; docs/driver_abi.md." });
