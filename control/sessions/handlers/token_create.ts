import { createToken } from "../../pairing/bearers.ts";
import { findProject } from "../../projects/projects.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { tokenPayload } from "./token_payload.ts";

/** Makes a bearer token. Its text stands in this answer and nowhere else. */
export const tokenCreate = operation({
  name: "token_create",
  access: "admin",
  isAudited: true,
  request: requests.token_create,
  async handle({ plane, note }, terms) {
    note({ target: terms.name });
    if (terms.project_id !== undefined) findProject(plane.store, terms.project_id);
    const now = plane.clock.now();
    const { token, record } = await plane.store.transact((tx) => createToken(tx, terms, plane.random, now));
    return { ...tokenPayload(record), token };
  },
});
