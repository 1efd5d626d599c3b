/**
 * The acceptance suite of the driver port. Every driver passes it.
 *
 * A kind of driver brings one driver for each behaviour that the suite asks
 * about and calls {@linkcode driverContract}, which registers the tests. Time
 * is moved by hand; what is waited for is real processes, never the clock.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { Driver, InvokeFailure, InvokeResult } from "./driver.ts";
import type { Clock } from "./process/clock.ts";
import { ManualClock } from "./process/manual_clock.ts";
import { currentOs } from "./process/os.ts";

/** Drivers that behave in the ways that the suite asks about. Output limits are 1 MiB unless said otherwise. */
export interface ContractDrivers {
  /** Writes what it reads. */
  echo(clock: Clock): Driver;
  /** Writes "partial" to standard output and "no camera" to standard error, then ends with code 9. */
  fails(clock: Clock): Driver;
  /** Writes "{}" to standard output and "warming up" to standard error, then ends with code 0. */
  warns(clock: Clock): Driver;
  /** Ends itself with SIGKILL. Left out where a run has no signals. */
  kills?(clock: Clock): Driver;
  /** Starts a child that ignores SIGTERM, and never ends. Both carry `marker` in their command lines. */
  hangs(clock: Clock, marker: string): Driver;
  /** How many processes of a `hangs` run carry the marker: 1 where a run can start no child. @default {2} */
  readonly hanging?: 1 | 2;
  /** Writes to standard output without end. Its output limit is 4,096 bytes. */
  floods(clock: Clock): Driver;
  /** Writes to standard error without end. Its output limit is 4,096 bytes. */
  floodsStderr(clock: Clock): Driver;
  /** Ends at once with code 0 and reads nothing. */
  ignoresInput(clock: Clock): Driver;
  /** Starts a child with `marker` in its command line that keeps the outputs open, writes "{}" and ends with code 0. Left out where a run can start none. */
  leavesChild?(clock: Clock, marker: string): Driver;
  /** Cannot run. */
  missing(clock: Clock): Driver;
  /** For how long what a run started may outlive its timeout or its cancellation, in milliseconds. @default {0} */
  readonly graceMs?: number;
}

const MEBIBYTE = 1_048_576;

/** What a test of the suite gets. */
interface Stage {
  readonly clock: ManualClock;
  readonly marker: string;
}

/** Registers the suite for one kind of driver. */
export function driverContract(name: string, drivers: ContractDrivers): void {
  const { graceMs = 0 } = drivers;
  /** @param make Makes the driver under test, which is closed afterwards and must then hold no timer. */
  const test = (
    title: string,
    make: (stage: Stage) => Driver,
    run: (driver: Driver, stage: Stage) => Promise<void>,
    ignore = false,
  ) =>
    Deno.test({
      name: `${name} keeps the driver contract: ${title}`,
      ignore,
      async fn() {
        const stage = { clock: new ManualClock(), marker: crypto.randomUUID() };
        const driver = make(stage);
        try {
          await run(driver, stage);
        } finally {
          await driver.close();
        }
        assert.equal(stage.clock.pendingTimers, 0);
      },
    });
  const hangingEach = drivers.hanging ?? 2;
  /** Waits until that many `hangs` runs are under way, each with its child. */
  const hanging = (marker: string, runs = 1) =>
    // More than that are seen while a shell is about to become another program.
    until(marker, (count) => count >= runs * hangingEach);
  // Windows gives no command lines of processes without tools of its own.
  const unseen = currentOs.name === "windows";

  test("a mebibyte goes in and the same bytes come out", ({ clock }) => drivers.echo(clock), async (driver) => {
    const payload = `{"text":"grüße ${"x".repeat(MEBIBYTE - 19)}"}`;
    const result = await call(driver, payload);
    assert.equal(new TextEncoder().encode(payload).length, MEBIBYTE);
    assert.ok(result.ok);
    assert.equal(result.exit_code, 0);
    assert.ok(text(result.stdout) === payload, "the output differs from the payload");
  });

  test("calls at the same time do not mix", ({ clock }) => drivers.echo(clock), async (driver) => {
    const payloads = Array.from({ length: driver.concurrency }, (_, index) => `{"call":${index}}`);
    const results = await Promise.all(payloads.map((payload) => call(driver, payload)));
    assert.deepEqual(results.map((result) => text(result.stdout)), payloads);
  });

  test("a failure keeps its exit code and both outputs", ({ clock }) => drivers.fails(clock), async (driver) => {
    const result = await call(driver, "{}");
    assertFailed(result, "exit", 9);
    assert.deepEqual([text(result.stdout), text(result.stderr)], ["partial", "no camera"]);
    assert.match(result.message, /code 9/);
  });

  test("a success keeps both outputs", ({ clock }) => drivers.warns(clock), async (driver) => {
    const result = await call(driver, "{}");
    assert.ok(result.ok);
    assert.deepEqual([text(result.stdout), text(result.stderr)], ["{}", "warming up"]);
  });

  test(
    "a run that a signal ends is a failure without an exit code",
    ({ clock }) => (drivers.kills ?? drivers.missing)(clock),
    async (driver) => {
      const result = await call(driver, "{}");
      assertFailed(result, "signal", -1);
      assert.match(result.message, /SIGKILL/);
    },
    drivers.kills === undefined || unseen,
  );

  const hang = ({ clock, marker }: Stage) => drivers.hangs(clock, marker);

  test("a timeout ends everything that the run started, and nothing before it", hang, async (driver, stage) => {
    const running = call(driver, "{}", { timeout_ms: 60_000 });
    await hanging(stage.marker);
    stage.clock.advance(59_999);
    assert.ok(list(stage.marker).length >= hangingEach, "it ended too early");
    stage.clock.advance(1);
    const result = await running;
    assertFailed(result, "timeout", -1);
    assert.equal(result.duration_ms, 60_000);
    assert.match(result.message, /timeout_ms/);
    stage.clock.advance(graceMs);
    await gone(stage.marker);
  }, unseen);

  test("a cancelled run ends, with everything that it started", hang, async (driver, { clock, marker }) => {
    const controller = new AbortController();
    const running = call(driver, "{}", { signal: controller.signal });
    await hanging(marker);
    controller.abort();
    assertFailed(await running, "cancelled", -1);
    clock.advance(graceMs);
    await gone(marker);
  }, unseen);

  test("a run that is cancelled before it begins starts nothing", hang, async (driver, { marker }) => {
    assertFailed(await call(driver, "{}", { signal: AbortSignal.abort() }), "cancelled", -1);
    assert.deepEqual(list(marker), []);
  }, unseen);

  test("the end of one run leaves the others alone", hang, async (driver, { clock, marker }) => {
    if (driver.concurrency < 2) return;
    const [first, second] = [new AbortController(), new AbortController()];
    const running = [first, second].map(({ signal }) => call(driver, "{}", { signal }));
    await hanging(marker, 2);
    first.abort();
    await running[0];
    clock.advance(graceMs);
    assert.ok(list(marker).length >= hangingEach, "both ended");
    second.abort();
    await running[1];
  }, unseen);

  const floods = [["standard output", "stdout", drivers.floods], [
    "standard error",
    "stderr",
    drivers.floodsStderr,
  ]] as const;
  for (const [title, stream, make] of floods) {
    test(
      `${title} beyond the limit ends the run and keeps what was read`,
      ({ clock }) => make(clock),
      async (driver) => {
        const result = await call(driver, "{}");
        assertFailed(result, "output_limit", -1);
        assert.equal(result[stream].length, 4_096);
      },
    );
  }

  test(
    "a run that reads nothing does not hang on a payload larger than a pipe",
    ({ clock }) => drivers.ignoresInput(clock),
    async (driver) => {
      assert.equal((await call(driver, `{"text":"${"x".repeat(300_000)}"}`)).ok, true);
    },
  );

  test(
    "a child that keeps the outputs open does not keep the run open",
    ({ clock, marker }) => drivers.leavesChild?.(clock, marker) ?? drivers.missing(clock),
    async (driver, { marker }) => {
      const result = await call(driver, "{}");
      assert.equal(result.ok, true);
      assert.equal(text(result.stdout).trim(), "{}");
      await gone(marker);
    },
    drivers.leavesChild === undefined || unseen,
  );

  test(
    "what cannot run is a result, not an exception, and health says so",
    ({ clock }) => drivers.missing(clock),
    async (driver) => {
      const result = await call(driver, "{}");
      assertFailed(result, "launch", -1);
      assert.deepEqual([result.stdout.length, result.stderr.length], [0, 0]);
      const health = await driver.health();
      assert.equal(health.state, "offline");
      assert.notEqual(health.detail ?? "", "");
    },
  );

  test("health() of what can run is online, without a word", ({ clock }) => drivers.echo(clock), async (driver) => {
    assert.deepEqual(await driver.health(), { state: "online", detail: null });
  });

  test("close() ends what runs, and a second close() does nothing", hang, async (driver, { marker }) => {
    const running = call(driver, "{}");
    await hanging(marker);
    await driver.close();
    assertFailed(await running, "cancelled", -1);
    await driver.close();
    await gone(marker);
  }, unseen);
}

function assertFailed(
  result: InvokeResult,
  reason: InvokeFailure["reason"],
  exitCode: number,
): asserts result is InvokeFailure {
  assert.ok(!result.ok, "the run succeeded");
  assert.deepEqual([result.reason, result.exit_code], [reason, exitCode], result.message);
  assert.notEqual(result.message, "");
}

function call(
  driver: Driver,
  payload: string,
  options: { timeout_ms?: number; signal?: AbortSignal } = {},
): Promise<InvokeResult> {
  return driver.invoke({
    call_id: crypto.randomUUID(),
    payload: new TextEncoder().encode(payload),
    timeout_ms: options.timeout_ms ?? 30_000,
    signal: options.signal ?? new AbortController().signal,
  });
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Waits until nothing carries `marker`: a killed process takes a moment to go. */
function gone(marker: string): Promise<void> {
  return until(marker, (count) => count === 0);
}

/** Looks again and again, since there is no event to wait for. */
async function until(marker: string, wanted: (count: number) => boolean): Promise<void> {
  for (let tries = 0; !wanted(list(marker).length); tries++) {
    assert.ok(tries < 1_000, `unexpected processes: ${JSON.stringify(list(marker))}`);
    // deno-lint-ignore no-await-in-loop -- one look after the other
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Command lines of living processes that hold `marker`. */
function list(marker: string): string[] {
  const lines = currentOs.name === "linux" ? linesFromProc() : linesFromPs();
  return lines.filter((line) => line.includes(marker));
}

function linesFromProc(): string[] {
  return readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name)).flatMap((pid) => {
    try {
      const dead = /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
      return dead ? [] : [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")];
    } catch {
      // It ended between the listing and the reading.
      return [];
    }
  });
}

function linesFromPs(): string[] {
  return execFileSync("ps", ["-Ao", "stat=,args="], { encoding: "utf8" }).split("\n").filter((line) =>
    !/^Z/.test(line)
  );
}
