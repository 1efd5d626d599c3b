import { requests } from "../../protocol/ops.ts";
import { entryPayload, memoryOf } from "../memory.ts";
import { operation } from "../operation.ts";

/** Finds the last session of the token's holder. */
export const sessionRestore = operation({
  name: "session_restore",
  access: "member",
  request: requests.session_restore,
  handle({ plane, session }, { agent_id }) {
    const { history } = memoryOf(plane.store, session.actor);
    const found = history.find((entry) => agent_id === undefined || entry.agent_id === agent_id);
    return found === undefined ? { found: false } : { found: true, session: entryPayload(found) };
  },
});
