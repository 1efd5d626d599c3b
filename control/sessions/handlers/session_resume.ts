import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { sessionPayload } from "./session_payload.ts";

/** Makes another session of the connection the active one. */
export const sessionResume = operation({
  name: "session_resume",
  access: "member",
  request: requests.session_resume,
  handle({ plane, session }, { session_key }) {
    return sessionPayload(session_key, session.bindings.resume(session_key), plane.clock.now());
  },
});
