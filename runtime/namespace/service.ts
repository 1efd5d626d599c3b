/**
 * A running service: its driver, its supervision, its queue and its files.
 *
 * Runs of one service share its driver up to the driver's concurrency; what
 * comes on top waits, up to a limit. Services never wait for each other.
 *
 * @module
 */

import { Errno, errorText, FsError, isObject, parseJson, ZssError } from "../../control/protocol/mod.ts";
import type { Driver, InvokeResult } from "../../drivers/driver.ts";
import type { Clock } from "../../drivers/process/mod.ts";
import { type ControlFile, ServiceFiles } from "./service_files.ts";
import type { WriteResult } from "./tree.ts";
import {
  type DisableReason,
  gate,
  initialState,
  type Moment,
  step,
  type SupervisionEvent,
  type SupervisionState,
} from "../supervision/machine.ts";
import { readPolicy } from "../supervision/policy.ts";
import * as documents from "./documents.ts";

/** What a service is made of. */
export interface ServiceSpec {
  readonly service_id: string;
  readonly timeout_ms: number;
  /** Text of README.md; a default one without it. */
  readonly help_md?: string | undefined;
  readonly schema: Readonly<Record<string, unknown>>;
  readonly invoke_template: Readonly<Record<string, unknown>>;
}

/** What a service takes from outside. */
export interface ServiceDeps {
  readonly clock: Clock;
  /** Makes the id of a call, for example `c-9f2c1b7a04d3e658`. */
  readonly newCallId: () => string;
}

/** How long a write waits for its run before it answers without a result, in milliseconds. */
export const WRITE_WAIT_MS = 40_000;

/** How many runs may wait for a place. */
const MAX_QUEUED = 16;

/** Memory that a service keeps when its manifest changes. */
export interface ServiceMemory {
  readonly supervision: SupervisionState;
  readonly config: string;
  readonly result: string;
  readonly status: string;
  readonly lastError: string;
}

/** A service that can be invoked. */
export class Service {
  readonly spec: ServiceSpec;
  readonly files: ServiceFiles;
  readonly #driver: Driver;
  readonly #deps: ServiceDeps;
  readonly #stopping = new AbortController();
  readonly #runs = new Set<Promise<void>>();
  readonly #queue: (() => void)[] = [];
  #active = 0;
  #supervision: SupervisionState = initialState;

  constructor(spec: ServiceSpec, driver: Driver, deps: ServiceDeps) {
    this.spec = spec;
    this.#driver = driver;
    this.#deps = deps;
    this.files = new ServiceFiles(spec.service_id, (file, content) => this.#written(file, content));
    this.files.set("README.md", spec.help_md ?? documents.readme(spec.service_id));
    this.files.set("SCHEMA.json", JSON.stringify(spec.schema));
    this.files.set("TEMPLATE.json", JSON.stringify(spec.invoke_template));
    this.files.set("HOST.json", documents.host(driver.runtime));
    this.files.set("result.json", documents.idle);
    this.files.set("status.json", documents.idle);
    this.files.set("metrics.json", documents.firstMetrics(this.#supervision));
    this.files.set("config.json", "{}");
    this.#writeHealth();
  }

  /** What survives a change of the manifest. */
  memory(): ServiceMemory {
    return {
      supervision: this.#supervision,
      config: this.files.text("config.json"),
      result: this.files.text("result.json"),
      status: this.files.text("status.json"),
      lastError: this.files.text("last_error.txt"),
    };
  }

  /** Takes over what an earlier version of the service remembered. */
  remember(memory: ServiceMemory): void {
    this.#supervision = memory.supervision;
    this.files.set("config.json", memory.config);
    this.files.set("result.json", memory.result);
    this.files.set("status.json", memory.status);
    this.files.set("last_error.txt", memory.lastError);
    this.#writeMetrics();
    this.#writeHealth();
  }

  /** Waits up to `graceMs` for the runs under way, then ends them. */
  async stop(graceMs: number): Promise<void> {
    const all = Promise.all(this.#runs);
    const grace = Promise.withResolvers<void>();
    const cancel = this.#deps.clock.after(graceMs, grace.resolve);
    await Promise.race([all, grace.promise]);
    cancel();
    this.#stopping.abort();
    await this.#driver.close();
    await all;
  }

  #written(file: ControlFile, content: Uint8Array): Promise<Omit<WriteResult, "n">> {
    switch (file) {
      case "control/invoke.json":
        return this.#invoke(content);
      case "config.json":
        this.#configure(content);
        break;
      case "control/enable":
        this.#control("enable");
        this.files.set("last_error.txt", "");
        this.files.set("status.json", documents.idle);
        this.#writeHealth();
        break;
      case "control/disable":
        this.#control("disable");
        this.files.set("status.json", documents.disabled);
        this.#writeHealth();
        break;
      case "control/restart":
      case "control/reset": {
        this.#control(file === "control/reset" ? "reset" : "restart");
        this.files.set("result.json", documents.idle);
        this.files.set("last_error.txt", "");
        this.files.set("status.json", this.#supervision.enabled ? documents.idle : documents.disabled);
        if (file === "control/reset") this.#writeMetrics();
        this.#writeHealth();
        break;
      }
    }
    return Promise.resolve({});
  }

  async #invoke(content: Uint8Array): Promise<Omit<WriteResult, "n">> {
    const { clock } = this.#deps;
    this.#checkGate();
    const payload = trimmed(content);
    if (payload.length === 0) return {};
    requireObject(payload, "service invoke payload invalid");
    if (this.#active >= this.#driver.concurrency && this.#queue.length >= MAX_QUEUED) {
      throw new FsError(Errno.EAGAIN, `queue full: ${MAX_QUEUED} invokes of "${this.spec.service_id}" wait already`);
    }
    const callId = this.#deps.newCallId();
    const run = this.#enqueue(callId, payload);
    this.#runs.add(run);
    const forget = () => this.#runs.delete(run);
    run.then(forget, forget);
    const late = Promise.withResolvers<"running">();
    const cancel = clock.after(WRITE_WAIT_MS, () => late.resolve("running"));
    const first = await Promise.race([run, late.promise]);
    cancel();
    return first === "running" ? { call_id: callId, state: "running" } : { call_id: callId };
  }

  async #enqueue(callId: string, payload: Uint8Array): Promise<void> {
    if (this.#active >= this.#driver.concurrency) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#active++;
    try {
      await this.#run(callId, payload);
    } finally {
      // A place is handed on, not given back, so that nobody slips in between.
      const next = this.#queue.shift();
      if (next === undefined) this.#active--;
      else next();
    }
  }

  async #run(callId: string, payload: Uint8Array): Promise<void> {
    this.#step({ type: "started", at: this.#now() });
    this.files.set("status.json", documents.running(this.spec, this.#driver.runtime, callId, this.#supervision));
    const started = this.#deps.clock.monotonic();
    let result: InvokeResult;
    try {
      result = await this.#driver.invoke({
        call_id: callId,
        payload,
        timeout_ms: this.spec.timeout_ms,
        signal: this.#stopping.signal,
      });
    } catch (error) {
      // The contract of drivers forbids it; a faulty one must still not take the node down.
      const nothing = new Uint8Array();
      const duration_ms = Math.round(this.#deps.clock.monotonic() - started);
      result = {
        ok: false,
        reason: "launch",
        exit_code: -1,
        message: errorText(error),
        stdout: nothing,
        stderr: nothing,
        duration_ms,
      };
    }
    this.#finish(callId, result);
  }

  #finish(callId: string, result: InvokeResult): void {
    const at = this.#now();
    const outcome = result.ok ? "ok" : result.reason === "timeout" ? "timeout" : "failed";
    const { exit_code, duration_ms } = result;
    const disabled = this.#step({ type: "finished", at, outcome, exit_code, duration_ms });
    const about = { spec: this.spec, runtime: this.#driver.runtime, callId, state: this.#supervision, at };
    if (result.ok) {
      const output = result.stdout.length === 0 ? new TextEncoder().encode("{}") : result.stdout;
      this.files.set("result.json", output);
      this.files.set("last_error.txt", "");
      this.files.set("status.json", documents.succeeded({ ...about, bytes: output.length }));
    } else {
      const said = new TextDecoder().decode(result.stderr);
      this.files.set("last_error.txt", said.trim() === "" ? result.message : said);
      this.files.set("status.json", documents.failed({ ...about, outcome, disabled }));
    }
    this.#writeMetrics();
    this.#writeHealth();
  }

  #checkGate(): void {
    const decision = gate(this.#supervision, this.#now());
    if (decision.go) return;
    if (decision.reason === "disabled") {
      this.files.set("status.json", documents.disabled);
      this.files.set("last_error.txt", "service runtime disabled");
      this.#writeHealth();
      throw new FsError(Errno.EPERM, "service invoke denied: the service is disabled; write to control/enable");
    }
    const { retry_after_ms } = decision;
    this.files.set("status.json", documents.coolingDown(this.spec, this.#driver.runtime, retry_after_ms));
    this.files.set("last_error.txt", "service runtime cooling down");
    this.#writeHealth();
    throw new FsError(Errno.EAGAIN, `service invoke cooling down: try again in ${retry_after_ms} ms`);
  }

  #configure(content: Uint8Array): void {
    const text = trimmed(content);
    const config = text.length === 0 ? {} : requireObject(text, "service invoke payload invalid");
    const reading = readPolicy(config);
    if ("problem" in reading) throw new FsError(Errno.EINVAL, `service invoke payload invalid: ${reading.problem}`);
    this.#step({ type: "configured", at: this.#now(), policy: reading.policy });
    this.files.set("config.json", JSON.stringify(config));
    this.#writeHealth();
  }

  #control(op: "enable" | "disable" | "restart" | "reset"): void {
    this.#step({ type: "control", at: this.#now(), op });
  }

  #step(event: SupervisionEvent): DisableReason | null {
    const { state, disabled } = step(this.#supervision, event);
    this.#supervision = state;
    return disabled;
  }

  #writeMetrics(): void {
    this.files.set("metrics.json", documents.metrics(this.#supervision));
  }

  #writeHealth(): void {
    this.files.set("health.json", documents.health(this.spec, this.#driver.runtime, this.#supervision, this.#now()));
  }

  #now(): Moment {
    return { wall: this.#deps.clock.now(), monotonic: this.#deps.clock.monotonic() };
  }
}

/** Without the white space around it, as the reference reads a control file. */
function trimmed(content: Uint8Array): Uint8Array {
  const isSpace = (byte: number | undefined) => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
  let start = 0;
  let end = content.length;
  while (start < end && isSpace(content[start])) start++;
  while (end > start && isSpace(content[end - 1])) end--;
  return content.slice(start, end);
}

function requireObject(bytes: Uint8Array, prefix: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const reason = error instanceof ZssError ? error.message : "it is no UTF-8 text";
    throw new FsError(Errno.EINVAL, `${prefix}: ${reason}`, { cause: error });
  }
  if (isObject(value)) return value;
  throw new FsError(Errno.EINVAL, `${prefix}: a JSON object is wanted`);
}
