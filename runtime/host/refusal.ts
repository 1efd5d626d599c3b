/**
 * What the writer of `control/invoke.json` is told when nothing runs.
 *
 * @module
 */

import { Errno, FsError } from "../../control/protocol/fs.ts";
import type { Refusal } from "../supervision/machine.ts";

/** The error for a refusal of the supervision machine; begins with the reference's wording. */
export function refusalError(refusal: Refusal): FsError {
  if (refusal.reason === "disabled") {
    return new FsError(Errno.EPERM, "service invoke denied: the service is disabled; write to control/enable");
  }
  const next = refusal.retry_after_ms === 0
    ? "a trial run is under way, try again when it has ended"
    : `try again in ${refusal.retry_after_ms} ms`;
  return new FsError(Errno.EAGAIN, `service invoke cooling down: ${next}`);
}

/** The error while a service ends. */
export function stoppingError(): FsError {
  return new FsError(Errno.EAGAIN, "service is stopping");
}

/** The error when as many runs wait as may wait. */
export function queueFullError(): FsError {
  return new FsError(Errno.EAGAIN, "queue full");
}
