import type { JoinRequestRecord } from "../../store/records.ts";

/** A request as its maker and the admin see it. */
export function joinRequestPayload(record: JoinRequestRecord): Record<string, unknown> {
  const { request_id, node_name, fs_url, platform, requested_at_ms, code, expires_at_ms } = record;
  return { request_id, node_name, fs_url, platform, requested_at_ms, code, expires_at_ms };
}
