import { hashSecret, newSecret } from "../../pairing/tokens.ts";
import { rotateProjectToken } from "../../projects/projects.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { accessProject, visibilityChanged } from "../project_access.ts";

/** Gives a project a new token, which locks it. Its text stands in this answer and nowhere else. */
export const projectTokenRotate = operation({
  name: "project_token_rotate",
  access: "member",
  scope: "project",
  request: requests.project_token_rotate,
  async handle(context, which) {
    const { plane } = context;
    const now = plane.clock.now();
    const token = newSecret("proj-", plane.random);
    await plane.store.transact((tx) => {
      const before = accessProject(context, tx, which, "admin", "rotate the token of");
      visibilityChanged(tx, before, rotateProjectToken(tx, which.project_id, hashSecret(token), now), now);
    });
    return { project_id: which.project_id, project_token: token, rotated: true, updated_at_ms: now };
  },
});
