import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/** Answers `control.pong`. */
export const ping = operation({ name: "ping", access: "anyone", request: requests.ping, handle: () => ({}) });
