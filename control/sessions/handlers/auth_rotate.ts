import { createToken, rotateToken } from "../../pairing/bearers.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/** Makes the token that is named after a role anew, or for the first time. */
export const authRotate = operation({
  name: "auth_rotate",
  access: "admin",
  isAudited: true,
  request: requests.auth_rotate,
  async handle({ plane, session, note }, { role }) {
    note({ target: role });
    const now = plane.clock.now();
    const { token, replaced } = await plane.store.transact((tx) =>
      tx.list("token").some(({ name }) => name === role)
        ? rotateToken(tx, role, plane.random, now)
        : { ...createToken(tx, { name: role, role }, plane.random, now), replaced: undefined }
    );
    if (replaced !== undefined) plane.cutOff(replaced.token_id, session.socket);
    return { role, token };
  },
});
