/**
 * Reads what the state file kept of a service's documents.
 *
 * @module
 */

import { isObject } from "../../control/protocol/envelope.ts";
import { parseJson } from "../../control/protocol/json.ts";
import { overridePolicy } from "../supervision/policy.ts";
import type { ServiceSnapshot } from "../supervision/snapshot.ts";
import { type Config, readConfig } from "./config_document.ts";

/**
 * The configuration of a snapshot: its `config_json`, and over that its explicit rules.
 *
 * @throws {FsError} If `config_json` is no configuration.
 */
export function restoredConfig({ runtime }: ServiceSnapshot): Config {
  const { document, policy } = readConfig(new TextEncoder().encode(runtime.config_json));
  return { document, policy: overridePolicy(policy, runtime.supervision) };
}

/**
 * The status.json of a snapshot. A run that was under way when the node ended
 * did not survive it, so `running` becomes `error` with reason `interrupted`.
 */
export function restoredStatus(kept: string | null | undefined): string | undefined {
  if (kept === null || kept === undefined) return undefined;
  const status = parseStatus(kept);
  if (status?.["state"] !== "running") return kept;
  const { service_id, runtime, call_id } = status;
  return JSON.stringify({ state: "error", reason: "interrupted", service_id, runtime, call_id });
}

function parseStatus(text: string): Record<string, unknown> | undefined {
  try {
    const value = parseJson(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // Shown as it was kept.
  }
}
