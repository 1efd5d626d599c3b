/**
 * The programs that run now, so that none of them outlives a process that ends
 * in a hurry: at the second Ctrl-C nobody waits for anything.
 *
 * A process that is killed cannot do this; `orphan_watch.ts` can, and helpers
 * end with their standard input then.
 *
 * @module
 */

import { currentOs, type Os } from "./os.ts";

const running = new Map<number, Os>();
const listeners = new Set<ProgramListener>();
let isWatching = false;

/** A program has begun, and which start it was of this process; or one has ended. */
export type ProgramNews = readonly ["began", pid: number, start: number] | readonly ["ended", pid: number];

/** Hears of programs. */
export type ProgramListener = (...news: ProgramNews) => void;

/** Tells of every program from now on, until the function that it returns is called. */
export function tellOfPrograms(listener: ProgramListener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/**
 * Notes a program until it has ended.
 *
 * @param ended Resolves when its end was noticed, sooner or later; one that is gone is not hurt by a late notice.
 * @param start Which start it was of this process: a whole number that grows.
 */
export function noteProgram(pid: number, ended: Promise<unknown>, start: number, os: Os = currentOs): void {
  running.set(pid, os);
  tell("began", pid, start);
  ended.finally(() => {
    running.delete(pid);
    tell("ended", pid);
  });
  if (isWatching) return;
  isWatching = true;
  globalThis.addEventListener("unload", () => {
    for (const [pid, os] of running) os.killTree(pid);
  });
}

function tell(...news: ProgramNews): void {
  for (const listener of listeners) listener(...news);
}
