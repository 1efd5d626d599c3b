/**
 * The programs that run now, so that none of them outlives a process that ends
 * in a hurry: at the second Ctrl-C nobody waits for anything.
 *
 * A process that is killed cannot do this; helpers end with their standard
 * input then.
 *
 * @module
 */

import { currentOs, type Os } from "./os.ts";

const running = new Map<number, Os>();
let isWatching = false;

/**
 * Notes a program until it has ended.
 *
 * @param ended Resolves when its end was noticed, sooner or later; one that is gone is not hurt by a late notice.
 */
export function noteProgram(pid: number, ended: Promise<unknown>, os: Os = currentOs): void {
  running.set(pid, os);
  ended.finally(() => running.delete(pid));
  if (isWatching) return;
  isWatching = true;
  globalThis.addEventListener("unload", () => {
    for (const [pid, os] of running) os.killTree(pid);
  });
}
