import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { ManualClock } from "./manual_clock.ts";
import { currentOs, type Os } from "./os.ts";
import { type RunOptions, runProgram } from "./run.ts";

/** Runs a program with limits that do not matter, except for those given. */
function options(file: string, args: readonly string[], more: Partial<RunOptions> = {}): RunOptions {
  return {
    file,
    args,
    cwd: "/",
    env: { PATH: "/usr/bin:/bin" },
    stdin: new Uint8Array(),
    timeoutMs: 30_000,
    maxOutputBytes: 1_048_576,
    signal: new AbortController().signal,
    clock: new ManualClock(),
    ...more,
  };
}

const sh = (script: string, more: Partial<RunOptions> = {}) => options("/bin/sh", ["-c", script], more);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const ignore = currentOs.name !== "linux";

for (const via of ["node", "deno"] as const) {
  const name = `runProgram() via ${via}`;

  Deno.test(`${name} feeds and reads at the same time`, async () => {
    const stdin = new TextEncoder().encode("0123456789abcdef".repeat(300_000));
    const result = await runProgram(options("/bin/cat", [], { via, stdin, maxOutputBytes: stdin.length }));
    assert.deepEqual([result.end, result.exitCode, result.detail], ["exit", 0, "exit"]);
    assert.ok(text(result.stdout) === text(stdin), "the output differs from the input");
  });

  Deno.test(`${name} gives a program exactly the environment and the folder that it is given`, async () => {
    const result = await runProgram(options("/usr/bin/env", [], { via, env: { ONLY: "this" } }));
    assert.equal(text(result.stdout), "ONLY=this\n");
    assert.equal(text((await runProgram(sh("pwd", { via, cwd: "/usr" }))).stdout), "/usr\n");
  });

  Deno.test(`${name} makes a program the leader of a group of its own`, async () => {
    const result = await runProgram(sh('read -r _ _ _ _ group _ < /proc/$$/stat; echo "$$ $group"', { via }));
    const [pid, group] = text(result.stdout).trim().split(" ");
    assert.equal(pid, group);
  });

  const endings: readonly (readonly [string, Partial<RunOptions>, readonly unknown[]])[] = [
    ["exit 7", {}, ["exit", 7, "exit"]],
    ["kill -TERM $$", {}, ["signal", -1, "SIGTERM"]],
    ["kill -KILL $$", {}, ["signal", -1, "SIGKILL"]],
    ["exec yes", { maxOutputBytes: 1_000 }, ["output_limit", -1, "output_limit"]],
    ["sleep 60", { signal: AbortSignal.abort() }, ["cancelled", -1, "cancelled"]],
    ["exec <&-; exit 0", { stdin: new Uint8Array(1_000_000) }, ["exit", 0, "exit"]],
  ];
  for (const [script, more, wanted] of endings) {
    Deno.test(`${name} of ${script} ends by ${wanted.join(" ")}`, async () => {
      const result = await runProgram(sh(script, { via, ...more }));
      assert.deepEqual([result.end, result.exitCode, result.detail], wanted);
    });
  }

  Deno.test(`${name} says what is missing when a program cannot be started`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/plain`, "#!/bin/sh\n", { mode: 0o644 });
      await Deno.writeTextFile(`${folder}/orphan`, "#! /no/such/shell -e\n", { mode: 0o755 });
      const results = await Promise.all([
        runProgram(options(`${folder}/none`, [], { via })),
        runProgram(options(`${folder}/plain`, [], { via })),
        runProgram(options(`${folder}/orphan`, [], { via })),
        runProgram(options("/bin/sh", [], { via, cwd: `${folder}/gone` })),
      ]);
      assert.deepEqual(results.map(({ end, exitCode }) => [end, exitCode]), Array(4).fill(["launch", -1]));
      assert.deepEqual(results.map(({ detail }) => detail), [
        `"${folder}/none" does not exist`,
        `the system does not allow "${folder}/plain" to be executed`,
        `the first line of "${folder}/orphan" names "/no/such/shell", which does not exist`,
        `its working folder "${folder}/gone" does not exist`,
      ]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("runProgram() starts nothing and holds nothing when it is cancelled before", async () => {
  const clock = new ManualClock();
  const result = await runProgram(options("/no/such/program", [], { clock, signal: AbortSignal.abort() }));
  assert.equal(result.end, "cancelled");
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("runProgram() counts its time from the call, not from the start of the program", async () => {
  const clock = new ManualClock();
  const running = runProgram(sh("sleep 60", { clock, timeoutMs: 5_000 }));
  clock.advance(5_000);
  const result = await running;
  assert.deepEqual([result.end, result.durationMs], ["timeout", 5_000]);
});

Deno.test("runProgram() takes a cancellation that comes while the program is being started", async () => {
  const controller = new AbortController();
  const running = runProgram(sh("sleep 60", { signal: controller.signal }));
  controller.abort();
  assert.equal((await running).end, "cancelled");
});

/** Leaves a process in a session of its own behind that holds the outputs, and prints its pid; `then` follows. */
const withEscapee = (then: string) => `
  mark=$(mktemp)
  setsid sh -c 'echo $$; echo > "$0"; exec sleep 60' "$mark" &
  while [ ! -s "$mark" ]; do :; done
  rm "$mark"
  ${then}`;

/** Looks again and again, since there is no event to wait for. */
async function until(happened: () => boolean): Promise<void> {
  while (!happened()) {
    // deno-lint-ignore no-await-in-loop -- one look after the other
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

Deno.test({
  name: "runProgram() does not wait for a process outside the group that holds the outputs, and names it",
  ignore,
  async fn() {
    const clock = new ManualClock();
    const running = runProgram(sh(withEscapee("exit 0"), { clock, timeoutMs: 500 }));
    // The deadline, and the two that begin with the exit.
    await until(() => clock.pendingTimers === 3);
    clock.advance(100);
    // What was written may not have been read at the first look.
    await until(() => clock.pendingTimers === 3 || clock.pendingTimers === 0);
    clock.advance(100);
    const result = await running;
    const pid = Number(text(result.stdout));
    Deno.kill(pid, "SIGKILL");
    assert.deepEqual([result.end, result.exitCode], ["exit", 0]);
    assert.deepEqual(result.strays, [{ pid, name: "sleep" }]);
    assert.equal(clock.pendingTimers, 0);
  },
});

Deno.test({
  name: "runProgram() is over a second after the exit when nobody knows who holds the outputs",
  ignore,
  async fn() {
    const clock = new ManualClock();
    const os: Os = { ...currentOs, holdersOf: () => [] };
    const running = runProgram(sh(withEscapee("exit 0"), { clock, os, timeoutMs: 500 }));
    await until(() => clock.pendingTimers === 3);
    clock.advance(1_000);
    const result = await running;
    Deno.kill(Number(text(result.stdout)), "SIGKILL");
    // The deadline fell within that second; what counts is that the program had ended by itself.
    assert.deepEqual([result.end, result.exitCode, result.durationMs], ["exit", 0, 1_000]);
    assert.equal(clock.pendingTimers, 0);
  },
});

Deno.test({
  name: "runProgram() is over a second after a kill that does not take",
  ignore,
  async fn() {
    const clock = new ManualClock();
    let unkillable = 0;
    const os: Os = { ...currentOs, killTree: (pid) => void (unkillable = pid) };
    const running = runProgram(sh("exec sleep 60", { clock, os, timeoutMs: 500 }));
    clock.advance(500);
    await until(() => clock.pendingTimers === 1);
    clock.advance(1_000);
    const result = await running;
    currentOs.killTree(unkillable);
    await until(() => !existsSync(`/proc/${unkillable}`));
    assert.deepEqual([result.end, result.exitCode, result.durationMs], ["timeout", -1, 1_500]);
  },
});
