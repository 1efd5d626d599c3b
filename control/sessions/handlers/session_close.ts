import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/** Ends a session of the connection. */
export const sessionClose = operation({
  name: "session_close",
  access: "member",
  request: requests.session_close,
  handle({ session: { bindings } }, { session_key }) {
    bindings.close(session_key);
    return { session_key, closed: true, active_session: bindings.activeKey };
  },
});
