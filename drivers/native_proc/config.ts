/**
 * The `runtime` of a manifest whose service is a program.
 *
 * @module
 */

import { z } from "zod";

/** Longest time that a run may be given, in milliseconds: one hour. */
export const MAX_TIMEOUT_MS = 3_600_000;

/** What no manifest hands to a program: the tokens of the node, and the variable that makes a helper of zss. */
const reserved: ReadonlySet<string> = new Set([
  "ZSS_TOKEN",
  "ZSS_ADMIN_TOKEN",
  "SPIDERWEB_AUTH_TOKEN",
  "ZSS_HELPER",
]);

/** Whether a manifest must not set a variable, because it would publish a token or change what zss starts. */
export function isReservedVariable(name: string): boolean {
  // Some systems do not tell `Path` from `PATH`.
  return reserved.has(name.toUpperCase());
}

const variables = z.record(
  z.string().regex(/^[^=\0]+$/, "must be the name of a variable"),
  z.string().refine((text) => !text.includes("\0"), "must not hold a zero byte"),
).superRefine((env, context) => {
  for (const name of Object.keys(env).filter(isReservedVariable)) {
    const message = "must not be set here: zss keeps this variable for itself, and manifests are published";
    context.addIssue({ code: "custom", path: [name], message });
  }
});

/** `runtime` of a manifest whose service is a program: JSON on standard input, the result on standard output. */
export const nativeProcConfig = z.looseObject({
  type: z.literal("native_proc"),
  /** A path, or a bare name that is looked up on PATH; `zss` means this program. */
  executable_path: z.string().min(1, "must not be empty"),
  args: z.array(z.string().min(1, "must not be empty")).default([]),
  /** Milliseconds; 0 stands for the default. */
  timeout_ms: z.int().min(0).max(MAX_TIMEOUT_MS).default(30_000).transform((ms) => ms === 0 ? 30_000 : ms),
  /** Variables that the program gets beside the few that every program gets. */
  env: variables.default({}),
  /** Folder in which it runs; relative to that of the node. */
  cwd: z.string().min(1, "must not be empty").optional(),
  /** Limit of each of its outputs, in bytes. */
  max_output_bytes: z.int().min(1).max(16_777_216).default(1_048_576),
});

/** A checked configuration. */
export type NativeProcConfig = z.output<typeof nativeProcConfig>;
