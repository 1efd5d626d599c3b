import assert from "node:assert/strict";
import type { Driver, HealthReport, InvokeResult } from "../../drivers/driver.ts";
import { ManualClock } from "../../drivers/process/manual_clock.ts";
import type { LookReport } from "./machine.ts";
import { type Supervised, Supervisor } from "./supervisor.ts";

const ONLINE: HealthReport = { state: "online", detail: null };

const unused: Driver = {
  runtime: "native_proc",
  concurrency: 1,
  invoke: () => assert.fail("not asked to"),
  health: () => assert.fail("asked through the service"),
  close: () => Promise.resolve(),
};

/** A service that says what it was told to say. */
class Scripted implements Supervised {
  readonly driver = unused;
  readonly reports: LookReport[] = [];
  /** When each look began, on the clock. */
  readonly looks: number[] = [];
  nextLookIn: number | undefined = 1_000;
  answer: () => Promise<HealthReport> = () => Promise.resolve(ONLINE);
  work: InvokeResult | undefined;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  health(): Promise<HealthReport> {
    this.looks.push(this.#clock.monotonic());
    return this.answer();
  }

  tryOut(): Promise<InvokeResult> | undefined {
    return this.work === undefined ? undefined : Promise.resolve(this.work);
  }

  looked(report: LookReport): void {
    this.reports.push(report);
    this.nextLookIn = report.ok ? 1_000 : 100;
  }
}

function scene(count = 1) {
  const clock = new ManualClock();
  const services = Array.from({ length: count }, () => new Scripted(clock));
  const supervisor = new Supervisor({ clock, random: () => 1 });
  const [service] = services;
  assert.ok(service);
  return { clock, services, service, supervisor };
}

function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("Supervisor looks at once, then at the interval, and sooner while it is not well", async () => {
  const { clock, service, supervisor } = scene();
  supervisor.watch([service]);
  await supervisor.settled();
  const step = async (ms: number) => {
    clock.advance(ms);
    await settled();
  };
  await step(999);
  await step(1);
  service.answer = () => Promise.resolve({ state: "offline", detail: "it is gone" });
  await step(1_000);
  await step(100);
  service.answer = () => Promise.resolve(ONLINE);
  await step(100);
  assert.deepEqual(service.looks, [0, 1_000, 2_000, 2_100, 2_200]);
  assert.deepEqual(service.reports.slice(2), [
    { ok: false, detail: "it is gone" },
    { ok: false, detail: "it is gone" },
    { ok: true },
  ]);
  supervisor.close();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("Supervisor spreads the second looks of services that came together, and looks at a few at a time", async () => {
  const { clock, services } = scene(100);
  let turn = 0;
  const supervisor = new Supervisor({ clock, random: () => (turn++ % 10) / 10 });
  let underWay = 0;
  let most = 0;
  for (const service of services) {
    service.answer = async () => {
      most = Math.max(most, ++underWay);
      await settled();
      underWay--;
      return ONLINE;
    };
  }
  supervisor.watch(services);
  await supervisor.settled();
  assert.deepEqual([most, services.every(({ looks }) => looks.length === 1)], [8, true]);
  assert.equal(clock.pendingTimers, 1);
  const seen = new Set<number>();
  for (let passed = 0; passed < 1_000; passed += 50) {
    clock.advance(50);
    while (underWay > 0) await settled();
    for (const { looks } of services) if (looks[1] !== undefined) seen.add(looks[1]);
  }
  assert.ok(seen.size >= 8, `${seen.size} moments`);
  supervisor.close();
});

Deno.test("Supervisor.settled() waits for the first look at what is new, but not for ever", async () => {
  const { clock, service, supervisor } = scene();
  await supervisor.settled();
  const health = Promise.withResolvers<HealthReport>();
  service.answer = () => health.promise;
  supervisor.watch([service]);
  let isOver = false;
  const waiting = supervisor.settled().then(() => isOver = true);
  await settled();
  assert.equal(isOver, false);
  clock.advance(2_000);
  await waiting;
  health.resolve(ONLINE);
  await settled();
  assert.deepEqual(service.reports, [{ ok: true }]);
  supervisor.close();
});

Deno.test("Supervisor counts a driver that does not say how it is, or breaks, as one that is not well", async () => {
  const { clock, service, supervisor } = scene();
  service.answer = () => new Promise(() => {});
  supervisor.watch([service]);
  await settled();
  clock.advance(10_000);
  await settled();
  service.answer = () => Promise.reject(new Error("no such thing"));
  clock.advance(100);
  await settled();
  assert.deepEqual(service.reports, [
    { ok: false, detail: "the driver did not say how it is within 10000 ms" },
    { ok: false, detail: "the driver broke: no such thing" },
  ]);
  supervisor.close();
});

Deno.test("Supervisor has the declared piece of work done when the driver could run", async () => {
  const { clock, service, supervisor } = scene();
  const nothing = new Uint8Array();
  service.work = { ok: true, exit_code: 0, stdout: nothing, stderr: nothing, duration_ms: 1 };
  supervisor.watch([service]);
  await supervisor.settled();
  service.work = {
    ok: false,
    reason: "exit",
    exit_code: 1,
    message: "it exited with 1",
    stdout: nothing,
    stderr: nothing,
    duration_ms: 1,
  };
  clock.advance(1_000);
  await settled();
  assert.deepEqual(service.reports, [{ ok: true }, { ok: false, detail: "probe failed: it exited with 1" }]);
  supervisor.close();
});

Deno.test("Supervisor looks at nothing that is switched off or gone, and at once when an operator wants to know", async () => {
  const { clock, service, supervisor } = scene();
  service.nextLookIn = undefined;
  supervisor.watch([service]);
  await supervisor.settled();
  assert.deepEqual(service.looks, []);
  service.nextLookIn = 1_000;
  supervisor.lookSoon(service);
  await supervisor.settled();
  assert.equal(service.looks.length, 1);
  supervisor.watch([]);
  clock.advance(60_000);
  await settled();
  supervisor.lookSoon(service);
  await supervisor.settled();
  assert.equal(service.looks.length, 1);
  supervisor.close();
});
