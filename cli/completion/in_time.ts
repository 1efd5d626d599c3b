import type { Clock } from "../../drivers/process/mod.ts";

/** How long a server may take before there are no proposals, in milliseconds: a person waits. */
const PATIENCE_MS = 2_000;

/** What the work comes to, or `otherwise` when it fails or takes too long. */
export async function inTime<T>(clock: Clock, work: Promise<T>, otherwise: T): Promise<T> {
  const { promise: tooLate, resolve } = Promise.withResolvers<T>();
  const cancel = clock.after(PATIENCE_MS, () => resolve(otherwise));
  const done = await Promise.race([work.catch(() => otherwise), tooLate]);
  cancel();
  return done;
}
