import { requests } from "../../protocol/ops.ts";
import { entryPayload, memoryOf } from "../memory.ts";
import { operation } from "../operation.ts";

const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 100;

/** Lists the sessions of the token's holder, newest first. */
export const sessionHistory = operation({
  name: "session_history",
  access: "member",
  request: requests.session_history,
  handle({ plane, session }, { agent_id, limit }) {
    const { history } = memoryOf(plane.store, session.actor);
    const entries = history.filter((entry) => agent_id === undefined || entry.agent_id === agent_id);
    return { sessions: entries.slice(0, Math.min(limit || DEFAULT_LIMIT, MAX_LIMIT)).map(entryPayload) };
  },
});
