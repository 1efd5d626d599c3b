import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { tokenPayload } from "./token_payload.ts";

/**
 * Says which tokens there are. Where the reference shows the texts of its two
 * tokens, this shows that there is one: a text is seen only when it is made.
 */
export const authStatus = operation({
  name: "auth_status",
  access: "admin",
  request: requests.auth_status,
  handle({ plane }) {
    const tokens = plane.store.list("token");
    const masked = (role: string) => tokens.some((token) => token.role === role) ? `sw-${role}_****` : null;
    const targetOf = (role: string) => {
      const token = tokens.findLast((one) => one.role === role && one.name === role);
      return token === undefined ? null : plane.store.get("member", token.token_id)?.last_target ?? null;
    };
    return {
      admin_token: masked("admin"),
      user_token: masked("user"),
      admin_last_target: targetOf("admin"),
      user_last_target: targetOf("user"),
      preset_admin: plane.hasPresetAdmin,
      tokens: tokens.map(tokenPayload),
    };
  },
});
