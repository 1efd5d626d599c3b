import { createInvite } from "../../pairing/invites.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/** Makes an invite for one node. */
export const nodeInviteCreate = operation({
  name: "node_invite_create",
  access: "admin",
  request: requests.node_invite_create,
  handle({ plane }, { expires_in_ms }) {
    return plane.store.transact((tx) => createInvite(tx, plane.random, plane.clock.now(), expires_in_ms));
  },
});
