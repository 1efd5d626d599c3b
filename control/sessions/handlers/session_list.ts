import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/** Lists the sessions of the connection. */
export const sessionList = operation({
  name: "session_list",
  access: "member",
  request: requests.session_list,
  handle({ session: { bindings } }) {
    const sessions = bindings.list().map(({ key, binding: { agent_id, project_id } }) => ({
      session_key: key,
      agent_id,
      project_id,
    }));
    return { active_session: bindings.activeKey, sessions };
  },
});
