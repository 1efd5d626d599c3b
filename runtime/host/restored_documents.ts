/**
 * Reads what the state file kept of a service's documents.
 *
 * @module
 */

import { isObject } from "../../control/protocol/envelope.ts";
import { parseJson, stringifyJson } from "../../control/protocol/json.ts";
import { boundedRules, DEFAULT_POLICY, overridePolicy, type SupervisionPolicy } from "../supervision/policy.ts";
import type { ServiceSnapshot } from "../supervision/snapshot.ts";
import { type Config, readConfig } from "./config_document.ts";

/**
 * The configuration of a snapshot: the rules of the manifest, over them those of
 * its `config_json`, over them those explicit ones that say something else than
 * that would have without a manifest.
 *
 * @throws {FsError} If `config_json` is no configuration.
 */
export function restoredConfig({ runtime }: ServiceSnapshot, declared: SupervisionPolicy): Config {
  const text = new TextEncoder().encode(boundedConfig(runtime.config_json));
  const { document, policy } = readConfig(text, declared);
  const bare: Readonly<Record<string, unknown>> = readConfig(text, DEFAULT_POLICY).policy;
  const explicit = Object.fromEntries(
    Object.entries(runtime.supervision ?? {}).filter(([name, value]) => bare[name] !== value),
  );
  return { document, policy: overridePolicy(policy, explicit) };
}

/**
 * The status.json of a snapshot. A run that was under way when the node ended
 * did not survive it, so `running` becomes `error` with reason `interrupted`.
 */
export function restoredStatus(kept: string | null | undefined): string | undefined {
  if (kept === null || kept === undefined) return undefined;
  const status = parsed(kept);
  if (status?.["state"] !== "running") return kept;
  const { service_id, runtime, call_id } = status;
  return JSON.stringify({ state: "error", reason: "interrupted", service_id, runtime, call_id });
}

/** The text as it is, but for rules that say more than they may. */
function boundedConfig(text: string): string {
  const config = parsed(text);
  const rules = config?.["supervision"];
  const bounded = boundedRules(rules);
  return bounded === rules ? text : stringifyJson({ ...config, supervision: bounded });
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value = parseJson(text, { bigIntegers: true });
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // Shown as it was kept.
  }
}
