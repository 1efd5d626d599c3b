import type { TokenRecord } from "../../store/records.ts";

/** A token as it is shown: everything but its text. */
export function tokenPayload(record: TokenRecord): Record<string, unknown> {
  const { token_id, name, role, scopes, project_id, actions, created_at_ms, expires_at_ms } = record;
  return { token_id, name, role, scopes, project_id, actions, created_at_ms, expires_at_ms };
}
