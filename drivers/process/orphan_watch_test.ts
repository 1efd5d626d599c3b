import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";

const at = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
const script = `
import { endProgramsWithUs } from ${at("./orphan_watch.ts")};
import { noteProgram } from ${at("./live_programs.ts")};
import { MARK_PREFIX, startProgram } from ${at("./spawn.ts")};
const start = async (command) => {
  const { pid, exited } = await startProgram({ file: "/bin/sh", args: ["-c", command], cwd: "/", env: { PATH: "/bin:/usr/bin" } });
  return { pid, exited };
};
endProgramsWithUs();
const others = [await start("true"), await start("exec sleep 600"), await start("true")];
await Promise.all([others[0].exited, others[2].exited]);
const { pid } = await start("sleep 600 & wait");
// Told of out of turn: the second of two that were started side by side.
noteProgram(others[1].pid, new Promise(() => {}), 500);
noteProgram(others[1].pid, new Promise(() => {}), 499);
const late = MARK_PREFIX + "500";
// As if it had been started just now, and the one who started it been killed before it could tell.
const quiet = { args: ["600"], detached: true, stdin: "null", stdout: "null", stderr: "null" };
const marked = (mark) => new Deno.Command("/bin/sleep", { ...quiet, env: { ZSS_RUN_MARK: mark } }).spawn();
const untold = marked(MARK_PREFIX + "900");
// What a program has left running that was told of is none of ours.
const stray = marked(late);
console.log(JSON.stringify([others[1].pid, pid, untold.pid, stray.pid]));
await new Promise((resolve) => setTimeout(resolve, 600_000));
`;

/** Whether a process has ended; who should bury it may not be in a hurry. */
function hasEnded(pid: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}

Deno.test({
  name: "endProgramsWithUs() ends every program that runs when the process is killed",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const child = spawn(Deno.execPath(), ["eval", "--no-check", script], { stdio: ["ignore", "pipe", "inherit"] });
    const line = await new Promise<string>((resolve) => child.stdout.once("data", (data) => resolve(String(data))));
    const pids: number[] = JSON.parse(line);
    const stray = pids.pop() ?? 0;
    assert.deepEqual(pids.map(hasEnded), [false, false, false]);
    const gone = new Promise((resolve) => child.once("close", resolve));
    process.kill(child.pid ?? 0, "SIGKILL");
    await gone;
    const until = Date.now() + 10_000;
    while (!pids.every(hasEnded) && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
    const left = pids.filter((pid) => !hasEnded(pid));
    for (const pid of left) process.kill(-pid, "SIGKILL");
    const isSpared = !hasEnded(stray);
    process.kill(stray, "SIGKILL");
    assert.deepEqual([left, isSpared], [[], true]);
  },
});
