import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/** Lists the agents that this server knows. */
export const agentList = operation({
  name: "agent_list",
  access: "member",
  request: requests.agent_list,
  handle: ({ plane }) => ({ agents: [...plane.agents.values()] }),
});
