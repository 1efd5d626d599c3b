import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { sessionPayload } from "./session_payload.ts";

/** Says what a session is bound to, the active one unless another is named. */
export const sessionStatus = operation({
  name: "session_status",
  access: "member",
  request: requests.session_status,
  handle({ plane, session }, { session_key = session.bindings.activeKey }) {
    return sessionPayload(session_key, session.bindings.get(session_key), plane.clock.now());
  },
});
