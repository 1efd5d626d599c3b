/**
 * Keeps commands that stay from ending with a fault that nobody waited for.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";

/**
 * From now on a promise that is refused, and that nobody looks at, is a line of the log and not the end of the process:
 * it is a fault of ours in the work for one client, and everybody else's work goes on.
 */
export function surviveFaults(): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    getLogger(["zss"]).error("A fault that nobody waited for; please report it: {fault}", { fault: event.reason });
  });
}
