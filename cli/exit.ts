/**
 * The exit codes of the program. Few, named, documented in the help.
 *
 * @module
 */

import { ZssError } from "../control/protocol/errors.ts";

/** What the program's exit code says. */
export const Exit = {
  /** All is well. */
  ok: 0,
  /** Problems were found, or the other side refused for a reason not named below. */
  problems: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The work could not be finished, or the server could not be reached. */
  failed: 3,
  /** The server knows us and says no, or does not know us. */
  denied: 4,
  /** Events are gone for good. */
  gap: 5,
  /** The driver of a service failed or timed out. */
  driver: 6,
  /** The command's own `--timeout` has passed. */
  timeout: 124,
  /** The user stopped it. */
  interrupted: 130,
} as const;

const denied = new Set(["provider_auth_failed", "forbidden", "node_auth_failed", "project_policy_forbidden", "eperm"]);
const usage = new Set(["usage", "insecure_bind", "invalid_url", "invalid_export", "unsupported_mode"]);
const failed = new Set([
  "unreachable",
  "connection_lost",
  "timeout",
  "tls_failed",
  "tls_certificate",
  "storage_error",
  "port_in_use",
  "listen_failed",
  "control_plane_error",
  "io",
  "eio",
  "etimedout",
  "state_damaged",
  "state_in_use",
]);

/** Exit code for anything that was thrown. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof ZssError)) return Exit.failed;
  if (denied.has(error.code)) return Exit.denied;
  if (usage.has(error.code)) return Exit.usage;
  if (error.code === "history_gone" || error.code === "epoch_changed") return Exit.gap;
  if (failed.has(error.code)) return Exit.failed;
  if (error.code === "wait_timeout") return Exit.timeout;
  return error.code === "driver_failed" ? Exit.driver : Exit.problems;
}
