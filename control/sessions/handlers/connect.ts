import { CONTROL_PROTOCOL } from "../../protocol/envelope.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/** Says who the connection speaks as. An anonymous one has no agent. */
export const connect = operation({
  name: "connect",
  access: "anyone",
  request: requests.connect,
  handle({ session }) {
    const { role } = session.actor;
    if (role === "anonymous") return { protocol: CONTROL_PROTOCOL, role };
    return { agent_id: "mother", session: "main", protocol: CONTROL_PROTOCOL, role };
  },
});
