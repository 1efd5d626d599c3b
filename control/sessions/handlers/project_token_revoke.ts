import { revokeProjectToken } from "../../projects/projects.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { accessProject, visibilityChanged } from "../project_access.ts";

/** Ends the token of a project, which is private to its maker again where its policy says nothing. */
export const projectTokenRevoke = operation({
  name: "project_token_revoke",
  access: "member",
  scope: "project",
  request: requests.project_token_revoke,
  async handle(context, which) {
    const { plane } = context;
    const now = plane.clock.now();
    await plane.store.transact((tx) => {
      const before = accessProject(context, tx, which, "admin", "revoke the token of");
      visibilityChanged(tx, before, revokeProjectToken(tx, which.project_id, now), now);
    });
    return { project_id: which.project_id, project_token: null, revoked: true, updated_at_ms: now };
  },
});
