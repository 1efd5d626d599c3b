/**
 * What is remembered of the holder of a token from one connection to the next.
 *
 * @module
 */

import type { Actor } from "../policy/rights.ts";
import { SYSTEM_PROJECT } from "../projects/projects.ts";
import type { MemberRecord, SessionEntry } from "../store/records.ts";
import type { RecordReader, Transaction } from "../store/store.ts";
import type { Binding } from "./bindings.ts";

/** At most so many sessions are remembered. */
const MAX_HISTORY = 100;

const nothing: MemberRecord = { last_target: null, history: [] };

/** What is remembered of somebody. */
export function memoryOf(reader: Pick<RecordReader, "get">, actor: Actor): MemberRecord {
  return actor.role === "anonymous" ? nothing : reader.get("member", actor.token_id) ?? nothing;
}

/** Notes that a session was bound; the system project is not a place to come back to. */
export function remember(tx: Transaction, actor: Actor, key: string, binding: Binding, now: number): void {
  const { agent_id, project_id } = binding;
  if (actor.role === "anonymous" || project_id === null || project_id === SYSTEM_PROJECT) return;
  const { history } = memoryOf(tx, actor);
  const entry: SessionEntry = { session_key: key, agent_id, project_id, last_active_ms: now };
  const others = history.filter((one) => one.session_key !== key || one.agent_id !== agent_id);
  tx.put("member", actor.token_id, {
    last_target: { agent_id, project_id },
    history: [entry, ...others].slice(0, MAX_HISTORY),
  });
  tx.put("active_project", activeKey(actor, agent_id), { project_id });
}

/** Where the active project of an agent is kept: everybody has agents of their own. */
export function activeKey(actor: Actor, agentId: string): string {
  return actor.role === "anonymous" ? "" : `${actor.token_id} ${agentId}`;
}

/** An entry as it is shown. */
export function entryPayload(entry: SessionEntry): Record<string, unknown> {
  const summary = entry.project_id === null ? null : `${entry.agent_id} @ ${entry.project_id}`;
  return { ...entry, message_count: 0, summary };
}
