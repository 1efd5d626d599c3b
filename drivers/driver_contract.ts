/**
 * The acceptance suite of the driver port. Every driver passes it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import type { Driver, InvokeResult } from "./driver.ts";

/** Drivers that behave in the ways that the suite asks about. */
export interface ContractDrivers {
  /** Writes what it reads. */
  echo(): Driver;
  /** Writes "partial" to standard output and "no camera" to standard error, then ends with code 9. */
  fails(): Driver;
  /** Starts a child that ignores SIGTERM, and never ends. Both carry `marker` in their arguments. */
  hangs(marker: string): Driver;
  /** Writes without end. Its output limit is 4,096 bytes. */
  floods(): Driver;
  /** Ends at once with code 0 and reads nothing. */
  ignoresInput(): Driver;
  /** Starts a child that keeps the outputs open, writes "{}" and ends with code 0. */
  leavesChild(marker: string): Driver;
  /** Cannot run. */
  missing(): Driver;
}

/** Registers the suite for one kind of driver. */
export function driverContract(name: string, drivers: ContractDrivers): void {
  const test = (title: string, run: () => Promise<void>) =>
    Deno.test(`${name} keeps the driver contract: ${title}`, run);

  test("the bytes that come out are the bytes that went in", async () => {
    await using_(drivers.echo(), async (driver) => {
      const payload = `{"text":"grüße ${"x".repeat(1_000_000)}"}`;
      const result = await call(driver, payload);
      assert.equal(result.ok, true);
      assert.equal(result.exit_code, 0);
      assert.equal(text(result.stdout), payload);
    });
  });

  test("calls at the same time do not mix", async () => {
    await using_(drivers.echo(), async (driver) => {
      const payloads = Array.from({ length: driver.concurrency }, (_, index) => `{"call":${index}}`);
      const results = await Promise.all(payloads.map((payload) => call(driver, payload)));
      assert.deepEqual(results.map((result) => text(result.stdout)), payloads);
    });
  });

  test("a failure keeps its exit code, its output and its reason", async () => {
    await using_(drivers.fails(), async (driver) => {
      const result = await call(driver, "{}");
      assert.ok(!result.ok);
      assert.deepEqual([result.reason, result.exit_code], ["exit", 9]);
      assert.equal(text(result.stdout), "partial");
      assert.equal(text(result.stderr), "no camera");
      assert.match(result.message, /code 9/);
    });
  });

  test("a timeout ends everything that the run started", async () => {
    const marker = crypto.randomUUID();
    await using_(drivers.hangs(marker), async (driver) => {
      const result = await call(driver, "{}", { timeout_ms: 300 });
      assert.ok(!result.ok);
      assert.deepEqual([result.reason, result.exit_code], ["timeout", -1]);
      assert.match(result.message, /timeout_ms/);
      assert.deepEqual(processesWith(marker), []);
    });
  });

  test("a cancelled run ends, with everything that it started", async () => {
    const marker = crypto.randomUUID();
    await using_(drivers.hangs(marker), async (driver) => {
      const controller = new AbortController();
      const running = call(driver, "{}", { signal: controller.signal });
      controller.abort();
      const result = await running;
      assert.ok(!result.ok);
      assert.equal(result.reason, "cancelled");
      assert.deepEqual(processesWith(marker), []);
    });
  });

  test("output beyond the limit ends the run and keeps what was read", async () => {
    await using_(drivers.floods(), async (driver) => {
      const result = await call(driver, "{}");
      assert.ok(!result.ok);
      assert.equal(result.reason, "output_limit");
      assert.equal(result.stdout.length, 4_096);
    });
  });

  test("a run that reads nothing does not hang on a large payload", async () => {
    await using_(drivers.ignoresInput(), async (driver) => {
      const result = await call(driver, `{"text":"${"x".repeat(300_000)}"}`);
      assert.equal(result.ok, true);
    });
  });

  test("a child that keeps the outputs open does not keep the run open", async () => {
    const marker = crypto.randomUUID();
    await using_(drivers.leavesChild(marker), async (driver) => {
      const result = await call(driver, "{}");
      assert.equal(result.ok, true);
      assert.equal(text(result.stdout).trim(), "{}");
      assert.deepEqual(processesWith(marker), []);
    });
  });

  test("what cannot run is a result, not an exception, and health says so", async () => {
    await using_(drivers.missing(), async (driver) => {
      const result = await call(driver, "{}");
      assert.ok(!result.ok);
      assert.equal(result.reason, "launch");
      assert.notEqual(result.message, "");
      const health = await driver.health();
      assert.equal(health.state, "offline");
      assert.notEqual(health.detail, null);
    });
  });

  test("close() ends what runs, and a second close() does nothing", async () => {
    const marker = crypto.randomUUID();
    const driver = drivers.hangs(marker);
    const running = call(driver, "{}");
    await driver.close();
    assert.equal((await running).ok, false);
    await driver.close();
    assert.deepEqual(processesWith(marker), []);
  });
}

async function using_(driver: Driver, body: (driver: Driver) => Promise<void>): Promise<void> {
  try {
    await body(driver);
  } finally {
    await driver.close();
  }
}

function call(
  driver: Driver,
  payload: string,
  options: { timeout_ms?: number; signal?: AbortSignal } = {},
): Promise<InvokeResult> {
  return driver.invoke({
    call_id: "c-1",
    payload: new TextEncoder().encode(payload),
    timeout_ms: options.timeout_ms ?? 30_000,
    signal: options.signal ?? new AbortController().signal,
  });
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Command lines of living processes that hold `marker`; none where there is no /proc to ask. */
function processesWith(marker: string): string[] {
  if (Deno.build.os !== "linux") return [];
  return readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name)).flatMap((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      const dead = /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
      return line.includes(marker) && !dead ? [line] : [];
    } catch {
      return [];
    }
  });
}
