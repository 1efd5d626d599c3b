import type { Binding } from "../bindings.ts";

/** A binding as it is shown; without a runtime behind it, it is always ready. */
export function sessionPayload(key: string, { agent_id, project_id }: Binding, now: number): Record<string, unknown> {
  const attach = {
    state: "ready",
    runtime_ready: true,
    mount_ready: true,
    error_code: null,
    error_message: null,
    updated_at_ms: now,
  };
  return { session_key: key, agent_id, project_id, workspace: {}, attach };
}
