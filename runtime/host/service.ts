/**
 * A service: its declaration, its driver, what its runs made of it, its queue
 * and its files.
 *
 * Whoever writes to `control/invoke.json` asks the supervision machine, waits
 * for a place, has the driver run and sees the outcome in the files. Runs of
 * one service share its places; services never wait for each other.
 *
 * @module
 */

import { errorText } from "../../control/protocol/errors.ts";
import type { FsError } from "../../control/protocol/fs.ts";
import type { FsAsker } from "../../control/protocol/fs_frames.ts";
import { stringifyJson } from "../../control/protocol/json.ts";
import { decideService } from "../../control/policy/service.ts";
import type { ServiceDescriptor } from "../../control/catalog/descriptor.ts";
import type { Driver, HealthReport, InvokeResult, StrayProcess } from "../../drivers/driver.ts";
import type { CancelTimer, Clock } from "../../drivers/process/clock.ts";
import type {
  CreateServiceFiles,
  DocumentFile,
  FileUpdate,
  InvokeAnswer,
  OperatorOp,
  PayloadFile,
  ServiceControl,
  ServiceFiles,
  WrittenDocument,
} from "../namespace/service_port.ts";
import type { FileTree } from "../namespace/tree.ts";
import {
  availability,
  type CallStatus,
  cooldownRemaining,
  IDLE_DOCUMENT,
  initialState,
  type Instant,
  type LookReport,
  nextLookIn,
  type Refusal,
  type Step,
  supervise,
  type SupervisionEvent,
  type SupervisionState,
} from "../supervision/machine.ts";
import type { EndedRun, ServiceNumbers } from "../supervision/numbers.ts";
import { declaredPolicy, DEFAULT_DECLARED, DEFAULT_POLICY } from "../supervision/policy.ts";
import { stateReason } from "../supervision/status.ts";
import { type ServiceSnapshot, stateFromSnapshot, takeSnapshot } from "../supervision/snapshot.ts";
import { type Config, readConfig } from "./config_document.ts";
import { factsOf, type ServiceDefinition, treeIdentityOf } from "./definition.ts";
import {
  callStatusDocument,
  firstDocuments,
  healthDocument,
  manifestDocuments,
  metricsDocument,
  withReloadError,
} from "./documents.ts";
import { DriverSlot } from "./driver_slot.ts";
import { effectUpdates } from "./effect_updates.ts";
import { endedTooSoon, isFinished, requireObject, trimmed } from "./payload.ts";
import { queueFullError, refusalError, stoppingError } from "./refusal.ts";
import { Publication } from "./publication.ts";
import { restoredConfig, restoredStatus } from "./restored_documents.ts";
import { RunQueue } from "./run_queue.ts";

/** How much one service may do at once. */
export interface ServiceLimits {
  /** Runs under way; fewer when the driver wants fewer, which states its own `concurrency`. @default {256} */
  readonly concurrent: number;
  /** Runs that wait for a place. @default {16} */
  readonly queued: number;
  /** How long a write waits for its run before it answers `running`, in milliseconds. @default {40000} */
  readonly answerWithinMs: number;
}

/** The limits when nobody sets others. */
export const DEFAULT_SERVICE_LIMITS: ServiceLimits = { concurrent: 256, queued: 16, answerWithinMs: 40_000 };

/** What a service takes from outside. */
export interface ServiceDeps {
  readonly clock: Clock;
  readonly createFiles: CreateServiceFiles;
  /** Makes an id that was not used before, for example `c-9f2c1b7a04d3e658`. */
  readonly createCallId: () => string;
  readonly limits: ServiceLimits;
  /** Hears of trouble that no client is told of, one sentence each. */
  readonly report: (problem: string) => void;
  /** Hears of each run that has ended. */
  readonly onRun?: (run: EndedRun) => void;
  /** Hears of each service that has become well or unwell, or was switched on or off. */
  readonly onTransition?: (transition: ServiceTransition) => void;
}

/** A service that is now otherwise than it was. */
export interface ServiceTransition {
  readonly service_id: string;
  readonly state: "online" | "degraded" | "offline";
  /** Whether an operator wanted it so. */
  readonly wanted: boolean;
  /** Why, in one line; `null` when it is online. */
  readonly reason: string | null;
}

/** A run that waits for its place. */
interface Job {
  readonly call_id: string;
  readonly payload: Uint8Array;
  /** @param ok Whether the driver succeeded. */
  readonly ended: (ok: boolean) => void;
  readonly refuse: (refusal: FsError) => void;
}

/** Who hears of what becomes of a service. */
export interface ServiceListener {
  /** Something changed that the state file should keep; the files already show it. */
  readonly changed: () => void;
  /** The catalog entry is another one. */
  readonly published: () => void;
  /** The driver should be looked at soon: it is new, or somebody wants to know. */
  readonly wantsLook: () => void;
}

/** A service that has a driver, and therefore files. */
export class Service implements ServiceControl {
  readonly #deps: ServiceDeps;
  readonly #files: ServiceFiles;
  readonly #queue: RunQueue<Job>;
  readonly #listener: ServiceListener;
  readonly #publication: Publication;
  /** Drivers that are not in use any more and not closed yet, with what waits for that. */
  readonly #retiring = new Map<DriverSlot, Promise<void>>();
  #definition: ServiceDefinition;
  #createDriver: () => Driver;
  #slot: DriverSlot;
  #state: SupervisionState;
  #config: Config["document"] = {};
  /** status.json as the machine wants it. */
  #status = IDLE_DOCUMENT;
  #reloadError: string | undefined;
  #cancelTick: CancelTimer | undefined;
  #isStopping = false;

  /**
   * @throws What `createDriver` throws.
   */
  constructor(
    definition: ServiceDefinition,
    createDriver: () => Driver,
    deps: ServiceDeps,
    listener: ServiceListener,
  ) {
    this.#deps = deps;
    this.#listener = listener;
    this.#definition = definition;
    this.#state = initialState(definition.supervision);
    this.#publication = new Publication(definition.descriptor, this.#state, deps.clock, listener.published);
    this.#createDriver = createDriver;
    this.#slot = new DriverSlot(createDriver(), deps.clock);
    this.#queue = new RunQueue({ places: this.#places(), waiting: deps.limits.queued }, (job) => this.#run(job));
    const first = firstDocuments(factsOf(definition), this.#state, this.#now());
    this.#files = deps.createFiles(treeIdentityOf(definition), first, this);
  }

  get definition(): ServiceDefinition {
    return this.#definition;
  }

  get tree(): FileTree {
    return this.#files.tree;
  }

  get service_id(): string {
    return this.#definition.descriptor.service_id;
  }

  /** The catalog entry: what was declared, and how the service is. The same object until something of it changes. */
  get descriptor(): ServiceDescriptor {
    return this.#publication.descriptor;
  }

  /** Milliseconds from a look at the driver to the next; `undefined` while nobody should look. */
  get nextLookIn(): number | undefined {
    return this.#state.enabled && !this.#isStopping ? nextLookIn(this.#state) : undefined;
  }

  /** What the driver says of itself. */
  health(): Promise<HealthReport> {
    return this.#slot.driver.health();
  }

  /** Runs what the manifest declares as a probe; `undefined` when that is nothing, or nothing may run now. */
  tryOut(): Promise<InvokeResult> | undefined {
    const { probe } = this.#definition;
    if (probe === undefined || cooldownRemaining(this.#state, this.#now()) > 0) return undefined;
    const payload = new TextEncoder().encode(stringifyJson(probe.payload));
    const call_id = this.#deps.createCallId();
    // The driver may take one run at a time, and the calls of clients come first.
    return this.#queue.tryDo(() => this.#slot.run({ call_id, payload, timeout_ms: probe.timeout_ms }));
  }

  /** Takes what a look at the driver has found; `driver` is the one that was looked at. */
  looked(report: LookReport, driver: Driver): void {
    if (this.#isStopping || driver !== this.#slot.driver) return;
    this.#take({ type: "look", report, at: this.#now() });
    this.#refuseWaiting();
  }

  /** The driver that is in use. */
  get driver(): Driver {
    return this.#slot.driver;
  }

  /** Says, or no longer says, that the newest version of the manifest cannot be used. */
  set reloadError(text: string | undefined) {
    if (text === this.#reloadError) return;
    this.#reloadError = text;
    this.#files.update(this.#shown([
      { file: "status.json", content: this.#status },
      { file: "health.json", content: healthDocument(factsOf(this.#definition), this.#state, this.#now()) },
    ]));
    this.#publication.fault(text);
  }

  get numbers(): ServiceNumbers {
    const { enabled, restarts_total, stats } = this.#state;
    return {
      service_id: this.#definition.descriptor.service_id,
      state: availability(this.#state),
      enabled,
      invokes_total: stats.invokes_total,
      failures_total: stats.failures_total,
      timeouts_total: stats.timeouts_total,
      restarts_total,
      running: this.#queue.running,
      queued: this.#queue.waiting,
    };
  }

  refusalFor({ role, token }: FsAsker): string | undefined {
    const decision = decideService(this.#definition.descriptor.permissions, { role }, token);
    return decision.allowed ? undefined : decision.reason;
  }

  async invoke(document: WrittenDocument): Promise<InvokeAnswer> {
    this.#requireAdmission();
    if (!isFinished(document)) return {};
    const payload = trimmed(document.content);
    requireObject(payload);
    if (!this.#queue.hasRoom) throw queueFullError();
    return await this.#enqueue(payload);
  }

  operate(op: OperatorOp): void {
    if (op === "enable" ? this.#slot.isRetired : op === "restart" && this.#state.enabled) {
      this.#swapDriver(this.#createDriver, { isUsed: true });
    }
    this.#take({ type: "operate", op, at: this.#now() });
    this.#refuseWaiting();
    if (op !== "disable") this.#listener.wantsLook();
  }

  configure(written: WrittenDocument): void {
    if (written.form !== "blank" && !isFinished(written)) return;
    const { policy, document } = readConfig(written.content, declaredPolicy(this.#state.declared));
    this.#config = document;
    this.#take({ type: "configure", policy, at: this.#now() }, [
      { file: "config.json", content: stringifyJson(document) },
    ]);
  }

  abandon(file: PayloadFile, length: number): FsError {
    const refusal = endedTooSoon(length);
    // Hardly a client reads the answer to a close, and one whose connection ended gets none.
    this.#files.update([{ file: "last_error.txt", content: `${file}: ${refusal.message}` }]);
    this.#listener.changed();
    return refusal;
  }

  /**
   * Takes a new declaration and a new driver. Runs under way end on the old
   * one; counters, configuration, results, file ids and open handles stay.
   *
   * @throws What `createDriver` throws; the service is then as before.
   */
  replace(definition: ServiceDefinition, createDriver: () => Driver): void {
    this.#swapDriver(createDriver, { isUsed: this.#state.enabled });
    this.#createDriver = createDriver;
    this.#definition = definition;
    this.#publication.declare(definition.descriptor);
    const declared = definition.supervision ?? DEFAULT_DECLARED;
    const { policy } = readConfig(new TextEncoder().encode(stringifyJson(this.#config)), declaredPolicy(declared));
    this.#take({ type: "redefine", declared, policy, at: this.#now() });
    const documents = manifestDocuments(factsOf(definition));
    this.#files.update([
      { file: "README.md", content: documents["README.md"] },
      { file: "SCHEMA.json", content: documents["SCHEMA.json"] },
      { file: "TEMPLATE.json", content: documents["TEMPLATE.json"] },
      { file: "HOST.json", content: documents["HOST.json"] },
    ]);
    this.#listener.wantsLook();
  }

  /**
   * Goes on after `stop` as if that had not been, with a new declaration: runs under way end on the old driver, and
   * calls, counters, file ids and open handles stay.
   *
   * @throws What `createDriver` throws; the service then ends as it would have.
   */
  resume(definition: ServiceDefinition, createDriver: () => Driver): void {
    this.#isStopping = false;
    try {
      this.replace(definition, createDriver);
    } catch (thrown) {
      this.#isStopping = true;
      throw thrown;
    }
    this.reloadError = undefined;
    this.#scheduleTick();
  }

  /** What the state file keeps. */
  snapshot(): ServiceSnapshot {
    const texts = {
      config: this.#files.text("config.json"),
      result: this.#files.text("result.json"),
      status: this.#status,
      last_error: this.#files.text("last_error.txt"),
    };
    const config = new TextEncoder().encode(texts.config);
    const { policy } = this.#state;
    // What the manifest says is not kept: it may say something else at the next start.
    const isPlain = samePolicy(policy, readConfig(config, declaredPolicy(this.#state.declared)).policy);
    return takeSnapshot(
      this.service_id,
      this.#state,
      texts,
      isPlain ? readConfig(config, DEFAULT_POLICY).policy : policy,
    );
  }

  /**
   * Brings back what the state file kept. A run that was under way then is
   * shown as interrupted.
   *
   * @throws {FsError} If the kept `config.json` is none; the service is then as before.
   */
  restore(snapshot: ServiceSnapshot): void {
    const { document, policy } = restoredConfig(snapshot, declaredPolicy(this.#state.declared));
    const before = this.#state;
    const at = this.#now();
    this.#config = document;
    this.#state = stateFromSnapshot(snapshot, policy, at, this.#state.declared);
    const updates: FileUpdate[] = [{ file: "config.json", content: stringifyJson(document) }];
    const keep = (file: DocumentFile, content: string | null | undefined) => {
      if (typeof content === "string") updates.push({ file, content });
    };
    keep("result.json", snapshot.result_json);
    keep("last_error.txt", snapshot.last_error);
    keep("status.json", restoredStatus(snapshot.status_json));
    keep("metrics.json", metricsDocument(this.#state.stats));
    keep("health.json", healthDocument(factsOf(this.#definition), this.#state, at));
    this.#files.update(this.#shown(updates));
    this.#afterStep(before);
  }

  /**
   * Ends the service: nothing new runs, what waits is refused, what runs gets
   * `graceMs` and is then cancelled. Resolves when every driver is closed. May be called again, to shorten the wait.
   *
   * @param graceMs Without it runs end by their own timeout.
   */
  async stop(graceMs?: number): Promise<void> {
    this.#isStopping = true;
    this.#cancelTick?.();
    this.#publication.close();
    this.#refuseWaiting();
    this.#retire(this.#slot, graceMs);
    if (graceMs !== undefined) { for (const slot of this.#retiring.keys()) void slot.retire(graceMs); }
    await Promise.all(this.#retiring.values());
  }

  /** Queues a run and waits for its end, or for as long as a writer may wait. */
  #enqueue(payload: Uint8Array): Promise<InvokeAnswer> {
    const call_id = this.#deps.createCallId();
    const status: CallStatus = { state: "queued", call_id, queued_ms: this.#now().wall_ms };
    this.#files.openCall(call_id, {
      request: payload,
      result: IDLE_DOCUMENT,
      status: callStatusDocument(status, factsOf(this.#definition)),
    });
    const { promise, resolve, reject } = Promise.withResolvers<InvokeAnswer>();
    const cancel = this.#deps.clock.after(
      this.#deps.limits.answerWithinMs,
      () => resolve({ call_id, state: "running" }),
    );
    const settle = (answer: () => void) => {
      cancel();
      this.#files.closeCall(call_id);
      answer();
    };
    this.#queue.offer({
      call_id,
      payload,
      ended: (ok) => settle(() => resolve(ok ? { call_id } : { call_id, state: "error" })),
      refuse: (refusal) => settle(() => reject(refusal)),
    });
    return promise;
  }

  async #run(job: Job): Promise<void> {
    const refusal = this.#refusalOfWaiting();
    if (refusal !== undefined) return this.#refuse(job, refusal);
    const { call_id, payload } = job;
    this.#take({ type: "start", call_id, at: this.#now() });
    const { timeout_ms } = this.#definition;
    const { runtime } = factsOf(this.#definition);
    const result = await this.#slot.run({ call_id, payload, timeout_ms });
    if (result.notice !== undefined) {
      this.#deps.report(`Call ${call_id} of service "${this.#definition.descriptor.service_id}": ${result.notice}`);
    }
    this.#deps.onRun?.({
      runtime,
      duration_ms: result.duration_ms,
      outcome: result.ok ? "ok" : result.reason === "timeout" ? "timeout" : "error",
    });
    const { strays, lateStrays } = result;
    const { updates } = this.#apply({ type: "finish", call_id, result, at: this.#now() });
    const shown = updates.find((update) => "call_id" in update && update.file === "status.json")?.content;
    const status = typeof shown === "string" ? shown : "{}";
    if (strays !== undefined) this.#showStrays(call_id, status, strays);
    // Nobody waits for that, neither the writer nor the next call; and it does not hold what the run has written.
    if (lateStrays !== undefined) void this.#nameLateStrays(call_id, status, strays ?? [], lateStrays);
    this.#refuseWaiting();
    job.ended(result.ok);
  }

  async #nameLateStrays(
    call_id: string,
    status: string,
    known: readonly StrayProcess[],
    search: Promise<readonly StrayProcess[]>,
  ): Promise<void> {
    const late = await search;
    const more = late.filter(({ pid }) => known.every((stray) => stray.pid !== pid));
    if (more.length === 0) return;
    this.#showStrays(call_id, status, [...known, ...more]);
    const names = more.map(({ pid, name }) => `${name} (pid ${pid})`).join(", ");
    const { service_id } = this.#definition.descriptor;
    this.#deps.report(
      `Call ${call_id} of service "${service_id}" has started what left its process group, and that goes on: ${names}`,
    );
  }

  /** Names in the status of a call, and in that of the service while it tells of that call, what the run has left. */
  #showStrays(call_id: string, status: string, strays: readonly StrayProcess[]): void {
    const withStrays = (text: string) => stringifyJson({ ...JSON.parse(text), strays });
    const updates: FileUpdate[] = [{ call_id, file: "status.json", content: withStrays(status) }];
    if (JSON.parse(this.#status).call_id === call_id) {
      updates.push({ file: "status.json", content: withStrays(this.#status) });
    }
    this.#files.update(this.#shown(updates));
    this.#listener.changed();
  }

  /** Throws when the machine does not let a run begin; the files then say why. */
  #requireAdmission(): void {
    if (this.#isStopping) throw stoppingError();
    const { refusal } = this.#take({ type: "admit", at: this.#now() });
    if (refusal !== undefined) throw refusalError(refusal);
  }

  /** Why what waits may not begin; the files of the service stay as they are. */
  #refusalOfWaiting(): Refusal | "stopping" | undefined {
    if (this.#isStopping) return "stopping";
    return supervise(this.#state, { type: "admit", at: this.#now() }).refusal;
  }

  #refuseWaiting(): void {
    const refusal = this.#refusalOfWaiting();
    if (refusal === undefined) return;
    for (const job of this.#queue.drain()) this.#refuse(job, refusal);
  }

  #refuse(job: Job, refusal: Refusal | "stopping"): void {
    const reason = refusal === "stopping" ? refusal : refusal.reason;
    const status: CallStatus = { state: "refused", call_id: job.call_id, reason };
    this.#files.update([{
      call_id: job.call_id,
      file: "status.json",
      content: callStatusDocument(status, factsOf(this.#definition)),
    }]);
    job.refuse(refusal === "stopping" ? stoppingError() : refusalError(refusal));
  }

  /** Lets the machine take an event and shows what follows. */
  #take(event: SupervisionEvent, ahead: readonly FileUpdate[] = []): Step {
    return this.#apply(event, ahead).step;
  }

  #apply(event: SupervisionEvent, ahead: readonly FileUpdate[] = []): { step: Step; updates: readonly FileUpdate[] } {
    const before = this.#state;
    const step = supervise(before, event);
    this.#state = step.state;
    const updates = [...ahead, ...effectUpdates(step, factsOf(this.#definition), event.at)];
    this.#files.update(this.#shown(updates));
    this.#afterStep(before);
    return { step, updates };
  }

  #afterStep(before: SupervisionState): void {
    if (before.cooldown !== this.#state.cooldown) this.#scheduleTick();
    if (!this.#isStopping) this.#publication.show(this.#state);
    this.#tellTransition(before);
    // A service that is off keeps no process; its next driver is made when it is switched on.
    if (before.enabled && !this.#state.enabled) {
      this.#retire(this.#slot, this.#definition.endsWhenDisabled ? 0 : undefined);
    }
    if (before !== this.#state) this.#listener.changed();
  }

  #tellTransition(before: SupervisionState): void {
    const state = availability(this.#state);
    if (state === availability(before)) return;
    const wanted = before.last_control_op !== this.#state.last_control_op && this.#state.last_control_op === "disable";
    this.#deps.onTransition?.({ service_id: this.service_id, state, wanted, reason: stateReason(this.#state) });
  }

  /** The contents as they are shown: with what is wrong with the manifest, where that is said. */
  #shown(updates: readonly FileUpdate[]): FileUpdate[] {
    return updates.map((update) => {
      if ("call_id" in update || (update.file !== "status.json" && update.file !== "health.json")) return update;
      const text = typeof update.content === "string" ? update.content : new TextDecoder().decode(update.content);
      if (update.file === "status.json") this.#status = text;
      return { file: update.file, content: withReloadError(text, this.#reloadError) };
    });
  }

  /** Wakes the machine at the end of a cooldown, so that health.json tells it. */
  #scheduleTick(): void {
    this.#cancelTick?.();
    this.#cancelTick = undefined;
    const remaining = cooldownRemaining(this.#state, this.#now());
    if (remaining === 0 || this.#isStopping) return;
    this.#cancelTick = this.#deps.clock.after(remaining, () => this.#take({ type: "tick", at: this.#now() }));
  }

  /** @param isUsed False for a service that is off: that a driver can be made is all that is wanted to know of it. */
  #swapDriver(createDriver: () => Driver, { isUsed }: { readonly isUsed: boolean }): void {
    const old = this.#slot;
    this.#slot = new DriverSlot(createDriver(), this.#deps.clock);
    this.#queue.setPlaces(this.#places());
    this.#retire(old);
    if (!isUsed) this.#retire(this.#slot);
  }

  #retire(slot: DriverSlot, graceMs?: number): void {
    const { service_id } = this.#definition.descriptor;
    const retired = slot.retire(graceMs);
    if (this.#retiring.has(slot)) return;
    const done = retired
      .catch((thrown) => this.#deps.report(`Cannot close the driver of service "${service_id}": ${errorText(thrown)}`))
      .finally(() => this.#retiring.delete(slot));
    this.#retiring.set(slot, done);
  }

  #places(): number {
    return Math.max(1, Math.min(this.#deps.limits.concurrent, this.#slot.driver.concurrency));
  }

  #now(): Instant {
    return { wall_ms: Math.trunc(this.#deps.clock.now()), monotonic_ms: this.#deps.clock.monotonic() };
  }
}

function samePolicy(one: SupervisionState["policy"], other: SupervisionState["policy"]): boolean {
  return one.cooldown_ms === other.cooldown_ms && one.max_consecutive_failures === other.max_consecutive_failures &&
    one.max_consecutive_timeouts === other.max_consecutive_timeouts &&
    one.auto_disable_on_threshold === other.auto_disable_on_threshold;
}
