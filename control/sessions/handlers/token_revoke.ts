import { revokeToken } from "../../pairing/bearers.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/** Ends a token and every connection that came with it. */
export const tokenRevoke = operation({
  name: "token_revoke",
  access: "admin",
  isAudited: true,
  request: requests.token_revoke,
  async handle({ plane, session, note }, { token }) {
    note({ target: token });
    const { token_id, name } = await plane.store.transact((tx) => revokeToken(tx, token, plane.hasPresetAdmin));
    session.afterReply(() => plane.cutOff(token_id));
    return { token_id, name, revoked: true };
  },
});
