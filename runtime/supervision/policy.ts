/**
 * Reads the policy of `config.json`.
 *
 * @module
 */

import { z } from "zod";
import { defaultPolicy, type Policy } from "./machine.ts";

const count = z.int().min(0);

const supervision = z.looseObject({
  max_consecutive_failures: count.default(defaultPolicy.max_consecutive_failures),
  max_consecutive_timeouts: count.default(defaultPolicy.max_consecutive_timeouts),
  cooldown_ms: count.default(defaultPolicy.cooldown_ms),
  auto_disable_on_threshold: z.boolean().default(defaultPolicy.auto_disable_on_threshold),
});

/** Result of reading: the policy, or what is wrong with it. */
export type PolicyReading = { readonly policy: Policy } | { readonly problem: string };

/** Reads the `supervision` member of a configuration; members that are absent have their defaults. */
export function readPolicy(config: Readonly<Record<string, unknown>>): PolicyReading {
  const result = supervision.safeParse(config["supervision"] ?? {});
  if (!result.success) {
    const issue = result.error.issues[0];
    return {
      problem: `supervision${issue?.path.map((part) => `.${String(part)}`).join("") ?? ""}: ${
        issue?.message ?? "invalid"
      }`,
    };
  }
  const { max_consecutive_failures, max_consecutive_timeouts, cooldown_ms, auto_disable_on_threshold } = result.data;
  return { policy: { max_consecutive_failures, max_consecutive_timeouts, cooldown_ms, auto_disable_on_threshold } };
}
