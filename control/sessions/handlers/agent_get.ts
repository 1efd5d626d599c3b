import { ZssError } from "../../protocol/errors.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/** Describes one agent. */
export const agentGet = operation({
  name: "agent_get",
  access: "member",
  request: requests.agent_get,
  handle({ plane }, { agent_id }) {
    const agent = plane.agents.get(agent_id);
    if (agent !== undefined) return { agent };
    throw new ZssError("agent_not_found", `Cannot find agent "${agent_id}": AgentNotFound`, {
      path: "/agent_id",
      hint: "agent_list names those there are; agents.json in the server's data folder holds them",
    });
  },
});
