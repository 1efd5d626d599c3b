/**
 * The operations of the control channel. Adding one is adding a file and a line here.
 *
 * @module
 */

import type { Operation } from "../handler.ts";
import { connect } from "./connect.ts";
import { metrics } from "./metrics.ts";
import { nodeDelete } from "./node_delete.ts";
import { nodeGet } from "./node_get.ts";
import { nodeInviteCreate } from "./node_invite_create.ts";
import { nodeJoin } from "./node_join.ts";
import { nodeLeaseRefresh } from "./node_lease_refresh.ts";
import { nodeList } from "./node_list.ts";
import { nodeServiceEvents } from "./node_service_events.ts";
import { nodeServiceGet } from "./node_service_get.ts";
import { nodeServiceUnwatch } from "./node_service_unwatch.ts";
import { nodeServiceUpsert } from "./node_service_upsert.ts";
import { nodeServiceWatch } from "./node_service_watch.ts";
import { ping } from "./ping.ts";
import { version } from "./version.ts";

/** All operations. */
export const operations: readonly Operation[] = [
  version,
  connect,
  ping,
  nodeInviteCreate,
  nodeJoin,
  nodeLeaseRefresh,
  nodeList,
  nodeGet,
  nodeDelete,
  nodeServiceUpsert,
  nodeServiceGet,
  nodeServiceWatch,
  nodeServiceUnwatch,
  nodeServiceEvents,
  metrics,
];
