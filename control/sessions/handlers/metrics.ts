import { metricsObject } from "../../metrics/meters.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/** The numbers of the server, as GET /metrics.json shows them. */
export const metrics = operation({
  name: "metrics",
  access: "admin",
  request: requests.metrics,
  handle: ({ plane }) => metricsObject({ ...plane, historyMax: plane.limits.historyMax }),
});
