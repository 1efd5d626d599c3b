import { rotateToken } from "../../pairing/bearers.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { tokenPayload } from "./token_payload.ts";

/** Makes a token anew under its name, and ends every connection that came with the old one. */
export const tokenRotate = operation({
  name: "token_rotate",
  access: "admin",
  isAudited: true,
  request: requests.token_rotate,
  async handle({ plane, session, note }, { token: name }) {
    const now = plane.clock.now();
    const { token, record, replaced } = await plane.store.transact((tx) => rotateToken(tx, name, plane.random, now));
    plane.cutOff(replaced.token_id, session.socket);
    note({ target: record.name });
    return { ...tokenPayload(record), token };
  },
});
