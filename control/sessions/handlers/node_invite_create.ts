import { createInvite } from "../../pairing/invites.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/** Makes an invite for one node. */
export const nodeInviteCreate = operation({
  name: "node_invite_create",
  access: "admin",
  scope: "node",
  request: requests.node_invite_create,
  async handle({ plane, note }, { expires_in_ms, node_name, labels }) {
    const terms = { ttlMs: expires_in_ms, nodeName: node_name, labels };
    const invite = await plane.store.transact((tx) => createInvite(tx, plane.random, plane.clock.now(), terms));
    note({ target: invite.invite_id });
    return invite;
  },
});
