import { CONTROL_PROTOCOL } from "../../protocol/envelope.ts";
import { requests } from "../../protocol/ops.ts";
import { gateError } from "../gate.ts";
import { operation } from "../operation.ts";

/** Says who the connection speaks as. An anonymous one has no agent. */
export const connect = operation({
  name: "connect",
  access: "anyone",
  request: requests.connect,
  handle({ session }) {
    const { role } = session.actor;
    if (role === "anonymous") return { protocol: CONTROL_PROTOCOL, role };
    if (session.gate !== undefined) throw gateError(session.gate, "connect");
    const { activeKey, active } = session.bindings;
    return { agent_id: active.agent_id, session: activeKey, protocol: CONTROL_PROTOCOL, role };
  },
});
