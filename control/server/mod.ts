/**
 * The control plane as a program.
 *
 * @module
 */

export { DEFAULT_PORT, eventLogConfigFrom, type ServerConfig, type WatchConfig, watchConfigFrom } from "./config.ts";
export { scopeTokensFrom } from "../sessions/scope_tokens.ts";
export { type RunningServer, type ServerParts, startServer, systemRandom } from "./serve.ts";
export { verifyAuditLog, verifyGrowingAuditLog } from "../audit/audit_log.ts";
export {
  auditHeadOf,
  backupStore,
  compactStore,
  restoreStore,
  type StoreReport,
  verifyStore,
} from "../store/maintenance.ts";
