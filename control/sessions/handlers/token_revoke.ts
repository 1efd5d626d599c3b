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
    const { token_id, name } = await plane.store.transact((tx) => revokeToken(tx, token, plane.hasPresetAdmin));
    plane.cutOff(token_id, session.socket);
    note({ target: name });
    return { token_id, name, revoked: true };
  },
});
