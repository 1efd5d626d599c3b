import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { tokenPayload } from "./token_payload.ts";

/** Lists the tokens in the order in which they were made, without their texts. */
export const tokenList = operation({
  name: "token_list",
  access: "admin",
  request: requests.token_list,
  handle: ({ plane }) => ({ tokens: plane.store.list("token").map(tokenPayload) }),
});
