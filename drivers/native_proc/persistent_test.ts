import assert from "node:assert/strict";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Driver, InvokeResult } from "../driver.ts";
import { driverContract } from "../driver_contract.ts";
import { type Clock, systemClock } from "../process/clock.ts";
import { ManualClock } from "../process/manual_clock.ts";
import { nativeProcConfig } from "./config.ts";
import { createNativeProcDriver } from "./native_proc.ts";
import { GRACE_MS } from "./persistent_process.ts";

const SCRIPT = fileURLToPath(new URL("./testdata/persistent.mjs", import.meta.url));

function persistent(clock: Clock, behaviour: string, more: Record<string, unknown> = {}): Driver {
  const config = nativeProcConfig.parse({
    type: "native_proc",
    mode: "persistent",
    executable_path: Deno.execPath(),
    args: ["run", "-A", "--no-check", "--no-config", SCRIPT, behaviour],
    ...more,
  });
  return createNativeProcDriver(config, { clock, cwd: process.cwd(), env: process.env });
}

driverContract("native_proc in mode persistent", {
  echo: (clock) => persistent(clock, "echo"),
  fails: (clock) => persistent(clock, "fails"),
  warns: (clock) => persistent(clock, "warns"),
  kills: (clock) => persistent(clock, "kills"),
  hangs: (clock, marker) => persistent(clock, "hangs", { env: { MARKER: marker } }),
  floods: (clock) => persistent(clock, "floods", { max_output_bytes: 4_096 }),
  floodsStderr: (clock) => persistent(clock, "floodsLog", { max_output_bytes: 4_096 }),
  ignoresInput: (clock) => persistent(clock, "ignoresInput"),
  leavesChild: (clock, marker) => persistent(clock, "leavesChild", { env: { MARKER: marker } }),
  missing: (clock) => persistent(clock, "echo", { executable_path: "no-such-program-anywhere" }),
  graceMs: GRACE_MS,
});

let calls = 0;

function call(
  driver: Driver,
  payload: Record<string, unknown> = {},
  more: { timeout_ms?: number; call_id?: string } = {},
): Promise<InvokeResult> {
  return driver.invoke({
    call_id: `c-${calls++}`,
    payload: new TextEncoder().encode(JSON.stringify(payload)),
    timeout_ms: 30_000,
    signal: new AbortController().signal,
    ...more,
  });
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function answered(result: Promise<InvokeResult> | InvokeResult): Promise<Record<string, unknown>> {
  const settled = await result;
  assert.ok(settled.ok, settled.ok ? "" : settled.message);
  return JSON.parse(text(settled.stdout));
}

async function failed(result: Promise<InvokeResult> | InvokeResult): Promise<InvokeResult & { ok: false }> {
  const settled = await result;
  assert.ok(!settled.ok, "the call succeeded");
  return settled;
}

/** Runs a test against one driver, which is closed afterwards and must then hold no timer. */
function test(title: string, behaviour: string, run: (driver: Driver, clock: ManualClock) => Promise<void>): void {
  Deno.test(`native_proc in mode persistent ${title}`, async () => {
    const clock = new ManualClock();
    const driver = persistent(clock, behaviour);
    try {
      await run(driver, clock);
    } finally {
      await driver.close();
    }
    assert.equal(clock.pendingTimers, 0);
  });
}

test("does all calls in one process, which learns until when each is waited for", "pid", async (driver) => {
  const answers = await Promise.all(Array.from({ length: 40 }, () => answered(call(driver))));
  assert.equal(new Set(answers.map(({ pid }) => pid)).size, 1);
});

test("says until when it waits, in milliseconds since the Unix epoch", "when", async (driver, clock) => {
  assert.equal((await answered(call(driver, {}, { timeout_ms: 5_000 })))["deadline_ms"], clock.now() + 5_000);
});

test("tells an error of the driver as a failure with its log, and goes on", "refuses", async (driver) => {
  const result = await failed(call(driver));
  assert.deepEqual([result.reason, result.exit_code, text(result.stderr)], ["exit", 1, "looked twice"]);
  assert.match(result.message, /answered with an error after \d+ ms: the lens cap is on$/);
  assert.equal((await driver.health()).state, "online");
});

test("stands what other programs take for the end of a line, in all legal JSON", "pid", async (driver) => {
  // The process reads with node:readline, which cuts at each of these.
  const first = await answered(call(driver));
  for (const payload of ['{"a":\r1}', '{"a":\n1}', '{"a":"\u2028"}', '{"\u2029":1}', '{"a":"\u0085"}']) {
    const answer = await answered(driver.invoke({
      call_id: `line-${calls++}`,
      payload: new TextEncoder().encode(payload),
      timeout_ms: 30_000,
      signal: new AbortController().signal,
    }));
    assert.equal(answer["pid"], first["pid"], JSON.stringify(payload));
  }
});

test(
  "fails the calls under way with code and last words when the process ends, and starts it anew",
  "crashesOnBad",
  async (driver) => {
    const first = await answered(call(driver));
    const results = await Promise.all([call(driver, { bad: true }), call(driver, { bad: true })]);
    const failure = await failed(results[0] ?? call(driver));
    assert.deepEqual([failure.reason, failure.exit_code], ["exit", 3]);
    assert.match(failure.message, /exited with code 3 before it answered: bad payload$/);
    const second = await answered(call(driver));
    assert.equal(second["calls"], 1);
    assert.notEqual(second["pid"], first["pid"]);
  },
);

test("calls an end with code 0 and without an answer a failure", "silentEnd", async (driver) => {
  const result = await failed(call(driver));
  assert.deepEqual([result.reason, result.exit_code], ["exit", 0]);
  assert.match(result.message, /exited with code 0 before it answered$/);
});

test("waits longer before each start of a process that ends by itself", "endsAtOnce", async (driver, clock) => {
  const waits: number[] = [];
  for (let tries = 0; waits.length < 4; tries++) {
    assert.ok(tries < 2_000, `it waited ${waits}`);
    const wait = / (\d+) times in a row without an answer; it is started again in (\d+) ms$/.exec(
      (await driver.health()).detail ?? "",
    );
    if (wait === null || waits.at(-1) === Number(wait[2])) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      continue;
    }
    waits.push(Number(wait[2]));
    const refused = await failed(call(driver));
    assert.equal(refused.reason, "launch");
    assert.match(refused.message, /exited with code 4 \(no licence\)/);
    clock.advance(Number(wait[2]));
  }
  assert.deepEqual(waits, [250, 500, 1_000, 2_000]);
});

test(
  "replaces a process that leaves an overdue call unanswered, and lets it answer the others",
  "stuckOnBad",
  async (driver, clock) => {
    const before = await answered(call(driver));
    const stuck = call(driver, { bad: true }, { timeout_ms: 1_000 });
    const other = call(driver, { bad: true }, { timeout_ms: 60_000 });
    clock.advance(1_000);
    assert.equal((await failed(stuck)).reason, "timeout");
    assert.deepEqual(await answered(call(driver)), before, "within the time of grace it is the same process");
    clock.advance(GRACE_MS);
    assert.notDeepEqual(await answered(call(driver)), before);
    assert.ok(isAlive(Number(before["pid"])), "the other call still has its process");
    clock.advance(60_000);
    assert.equal((await failed(other)).reason, "timeout");
  },
);

test("keeps a process whose answer comes late, and drops that answer", "lateOnBad", async (driver, clock) => {
  const before = await answered(call(driver));
  const late = call(driver, { bad: true }, { timeout_ms: 1_000, call_id: "late" });
  clock.advance(1_000);
  assert.equal((await failed(late)).reason, "timeout");
  assert.deepEqual(await answered(call(driver, { release: "late" })), before);
  clock.advance(GRACE_MS);
  assert.deepEqual(await answered(call(driver)), before);
  assert.equal((await driver.health()).state, "online");
});

const misbehaviours: readonly (readonly [string, string, RegExp])[] = [
  [
    "drops a line that is no answer and says so in its health",
    "chatter",
    /a line to standard output that is no JSON object: "hello, /,
  ],
  [
    "drops a second answer to a call and says so in its health",
    "twice",
    /answers the call "c-\d+", which it was not asked or has/,
  ],
];
for (const [title, behaviour, detail] of misbehaviours) {
  test(title, behaviour, async (driver) => {
    assert.equal((await call(driver)).ok, true);
    assert.equal((await call(driver)).ok, true);
    const health = await driver.health();
    assert.equal(health.state, "degraded");
    assert.match(health.detail ?? "", detail);
  });
}

const badAnswers: readonly (readonly [string, string, RegExp])[] = [
  ["an answer that is not UTF-8", "notUtf8", /an answer that is not UTF-8; docs\/driver_abi\.md/],
  ["an answer without ok", "shapeless", /has no "ok" that is true or false/],
];
for (const [thing, behaviour, message] of badAnswers) {
  test(`fails the call that got ${thing}`, behaviour, async (driver) => {
    assert.match((await failed(call(driver))).message, message);
    assert.equal((await driver.health()).state, "online");
  });
}

test("takes an answer without a result for one that says nothing", "nothing", async (driver) => {
  assert.equal(text((await call(driver)).stdout), "");
});

Deno.test("native_proc in mode persistent replaces a process that closes its input and goes on", async () => {
  const clock = new ManualClock();
  const more = { executable_path: "sh", args: ["-c", "exec 0<&-; sleep 60"] };
  const driver = persistent(clock, "-", more);
  try {
    const running = call(driver, { text: "x".repeat(1_000_000) });
    // The time of grace begins with the first write that fails.
    for (let tries = 0; clock.pendingTimers < 2; tries++) {
      assert.ok(tries < 1_000, "no write has failed");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    clock.advance(GRACE_MS);
    assert.match((await failed(running)).message, /closed its standard input and went on/);
  } finally {
    await driver.close();
  }
  assert.equal(clock.pendingTimers, 0);
});

test("keeps the end of what a process writes to standard error", "chattyStderr", async (driver) => {
  for (let times = 0; times < 3; times++) assert.equal((await call(driver)).ok, true);
});

Deno.test("native_proc in mode persistent runs a changed program for the next call, a second later at the latest", async () => {
  const folder = await Deno.makeTempDir();
  const clock = new ManualClock();
  const script = `${folder}/driver.mjs`;
  await Deno.copyFile(SCRIPT, script);
  const args = ["run", "-A", "--no-check", "--no-config", script, "pid"];
  const driver = persistent(clock, "pid", { args });
  try {
    const before = await answered(call(driver));
    assert.deepEqual(await answered(call(driver)), before);
    await Deno.writeTextFile(script, (await Deno.readTextFile(SCRIPT)) + "\n");
    clock.advance(1_000);
    assert.notDeepEqual(await answered(call(driver)), before);
  } finally {
    await driver.close();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("native_proc in mode persistent works with the clock of the machine", async () => {
  const driver = persistent(systemClock, "stuckOnBad");
  assert.equal((await failed(call(driver, { bad: true }, { timeout_ms: 20 }))).reason, "timeout");
  await driver.close();
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
