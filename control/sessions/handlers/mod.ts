/**
 * The operations of the control channel. Adding one is adding a file and a line here.
 *
 * @module
 */

import type { Operation } from "../handler.ts";
import { agentGet } from "./agent_get.ts";
import { agentList } from "./agent_list.ts";
import { auditTail } from "./audit_tail.ts";
import { authRotate } from "./auth_rotate.ts";
import { authStatus } from "./auth_status.ts";
import { connect } from "./connect.ts";
import { explainVisibility } from "./explain_visibility.ts";
import { metrics } from "./metrics.ts";
import { nodeDelete } from "./node_delete.ts";
import { nodeGet } from "./node_get.ts";
import { nodeInviteCreate } from "./node_invite_create.ts";
import { nodeJoin } from "./node_join.ts";
import { nodeJoinApprove } from "./node_join_approve.ts";
import { nodeJoinClaim } from "./node_join_claim.ts";
import { nodeJoinDeny } from "./node_join_deny.ts";
import { nodeJoinPendingList } from "./node_join_pending_list.ts";
import { nodeJoinRequest } from "./node_join_request.ts";
import { nodeLeaseRefresh } from "./node_lease_refresh.ts";
import { nodeList } from "./node_list.ts";
import { nodeServiceEvents } from "./node_service_events.ts";
import { nodeServiceGet } from "./node_service_get.ts";
import { nodeServiceUnwatch } from "./node_service_unwatch.ts";
import { nodeServiceUpsert } from "./node_service_upsert.ts";
import { nodeServiceWatch } from "./node_service_watch.ts";
import { ping } from "./ping.ts";
import { projectActivate } from "./project_activate.ts";
import { projectCreate } from "./project_create.ts";
import { projectDelete } from "./project_delete.ts";
import { projectGet } from "./project_get.ts";
import { projectList } from "./project_list.ts";
import { projectMountList } from "./project_mount_list.ts";
import { projectMountRemove } from "./project_mount_remove.ts";
import { projectMountSet } from "./project_mount_set.ts";
import { projectTokenRevoke } from "./project_token_revoke.ts";
import { projectTokenRotate } from "./project_token_rotate.ts";
import { projectUp } from "./project_up.ts";
import { projectUpdate } from "./project_update.ts";
import { reconcileStatus } from "./reconcile_status.ts";
import { sessionAttach } from "./session_attach.ts";
import { sessionClose } from "./session_close.ts";
import { sessionHistory } from "./session_history.ts";
import { sessionList } from "./session_list.ts";
import { sessionRestore } from "./session_restore.ts";
import { sessionResume } from "./session_resume.ts";
import { sessionStatus } from "./session_status.ts";
import { tokenCreate } from "./token_create.ts";
import { tokenList } from "./token_list.ts";
import { tokenRevoke } from "./token_revoke.ts";
import { tokenRotate } from "./token_rotate.ts";
import { version } from "./version.ts";
import { workspaceStatus } from "./workspace_status.ts";

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
  nodeJoinRequest,
  nodeJoinClaim,
  nodeJoinPendingList,
  nodeJoinApprove,
  nodeJoinDeny,
  authStatus,
  authRotate,
  tokenCreate,
  tokenList,
  tokenRevoke,
  tokenRotate,
  auditTail,
  sessionAttach,
  sessionStatus,
  sessionResume,
  sessionList,
  sessionClose,
  sessionRestore,
  sessionHistory,
  agentList,
  agentGet,
  projectCreate,
  projectUpdate,
  projectDelete,
  projectList,
  projectGet,
  projectMountSet,
  projectMountRemove,
  projectMountList,
  projectTokenRotate,
  projectTokenRevoke,
  projectActivate,
  projectUp,
  workspaceStatus,
  reconcileStatus,
  explainVisibility,
];
