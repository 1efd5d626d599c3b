import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/** The newest entries of the audit log, newest first. */
export const auditTail = operation({
  name: "audit_tail",
  access: "admin",
  request: requests.audit_tail,
  handle({ plane }, { limit, agent_id }) {
    return { audit: plane.audit.tail(limit, agent_id).map(({ previous: _previous, ...line }) => line) };
  },
});
