/**
 * What the tests of the host share: a driver that a test plays by hand, a
 * service around it, and a client of its files. Holds no test itself.
 *
 * @module
 */

import type { ServiceDescriptor } from "../../control/catalog/descriptor.ts";
import type { Driver, FailureReason, Invocation, InvokeResult, InvokeSuccess } from "../../drivers/driver.ts";
import { ManualClock } from "../../drivers/process/manual_clock.ts";
import { createServiceFiles } from "../namespace/service_files.ts";
import type { FileTree, TreeChange, WriteResult } from "../namespace/tree.ts";
import type { ServiceDefinition } from "./definition.ts";
import { DEFAULT_SERVICE_LIMITS, type ServiceDeps, type ServiceLimits, type ServiceListener } from "./service.ts";

/** Hears of nothing. */
export const NOBODY: ServiceListener = { changed: () => {}, published: () => {}, wantsLook: () => {} };

/** The moment at which every test begins, on the wall clock. */
export const START_MS = 1_700_000_000_000;

interface PendingRun {
  readonly invocation: Invocation;
  readonly settle: (result: InvokeResult) => void;
}

/** A {@linkcode Driver} whose runs end when the test says so. */
export class ScriptedDriver implements Driver {
  readonly runtime = "native_proc";
  readonly concurrency: number;
  /** Runs under way, oldest first. */
  readonly pending: PendingRun[] = [];
  /** Payloads of all runs, as text. */
  readonly payloads: string[] = [];
  closes = 0;
  /** Answers every run at once, without the test's help. */
  answer: InvokeResult | undefined;

  constructor(concurrency = 100) {
    this.concurrency = concurrency;
  }

  invoke(invocation: Invocation): Promise<InvokeResult> {
    this.payloads.push(new TextDecoder().decode(invocation.payload));
    if (this.answer !== undefined) return Promise.resolve(this.answer);
    return new Promise((resolve) => {
      this.pending.push({ invocation, settle: resolve });
      invocation.signal.addEventListener("abort", () => this.settle(failure("cancelled"), invocation.call_id));
    });
  }

  health(): Promise<{ state: "online"; detail: null }> {
    return Promise.resolve({ state: "online", detail: null });
  }

  close(): Promise<void> {
    this.closes++;
    return Promise.resolve();
  }

  /** Ends the run of that id, or the oldest. */
  settle(result: InvokeResult, call_id = this.pending[0]?.invocation.call_id): void {
    const index = this.pending.findIndex(({ invocation }) => invocation.call_id === call_id);
    this.pending.splice(index, 1)[0]?.settle(result);
  }
}

/** A run that went well. */
export function success(stdout: string, stderr = "", duration_ms = 12): InvokeSuccess {
  return { ok: true, exit_code: 0, stdout: bytes(stdout), stderr: bytes(stderr), duration_ms };
}

/** A run that did not. */
export function failure(reason: FailureReason, stderr = "", exit_code = -1, stdout = ""): InvokeResult {
  const message = `the scripted run ended with ${reason}`;
  return { ok: false, reason, exit_code, message, stdout: bytes(stdout), stderr: bytes(stderr), duration_ms: 7 };
}

/** A catalog entry. */
export function descriptor(service_id: string, members: Partial<ServiceDescriptor> = {}): ServiceDescriptor {
  return {
    service_id,
    kind: "echo",
    version: "1",
    state: "online",
    endpoints: [`/nodes/n/${service_id}`],
    capabilities: {},
    mounts: [],
    ops: {},
    runtime: { type: "native_proc" },
    permissions: {},
    schema: { model: "namespace-mount" },
    ...members,
  };
}

/** A definition; without a driver it is a catalog entry only. */
export function definition(
  service_id: string,
  driver?: Driver,
  members: Partial<ServiceDefinition> = {},
): ServiceDefinition {
  return {
    descriptor: descriptor(service_id),
    origin: `services.d/${service_id}.json`,
    timeout_ms: 30_000,
    ...(driver === undefined ? {} : { createDriver: () => driver }),
    ...members,
  };
}

/** Parts of a host whose clock stands still and whose call ids count: c-1, c-2, … */
export function hostParts(limits: Partial<ServiceLimits> = {}): ServiceDeps & {
  readonly clock: ManualClock;
  readonly problems: string[];
} {
  let calls = 0;
  const problems: string[] = [];
  return {
    clock: new ManualClock(START_MS),
    createFiles: createServiceFiles,
    createCallId: () => `c-${++calls}`,
    limits: { ...DEFAULT_SERVICE_LIMITS, ...limits },
    report: (problem) => problems.push(problem),
    problems,
  };
}

/** Reads and writes files of a tree by their path, and notes what changes. */
export class TreeClient {
  readonly tree: FileTree;
  readonly changes: TreeChange[] = [];

  constructor(tree: FileTree) {
    this.tree = tree;
    tree.onChange((change) => this.changes.push(change));
  }

  async id(path: string): Promise<bigint> {
    let id = this.tree.root;
    for (const name of path.split("/")) id = (await this.tree.lookup(id, name)).id;
    return id;
  }

  async read(path: string): Promise<string> {
    const file = await this.tree.open(await this.id(path), "read");
    const { bytes: content } = await file.read(0, 4_194_304);
    await file.close();
    return new TextDecoder().decode(content);
  }

  async readJson(path: string): Promise<Record<string, unknown>> {
    return JSON.parse(await this.read(path));
  }

  async write(path: string, text: string, offset = 0): Promise<WriteResult> {
    const file = await this.tree.open(await this.id(path), "write");
    return await file.write(offset, bytes(text));
  }

  async names(path?: string): Promise<string[]> {
    const id = path === undefined ? this.tree.root : await this.id(path);
    return (await this.tree.list(id)).map(({ name }) => name);
  }

  /** The paths of the changes so far, for files that still exist; forgets them. */
  async changedPaths(): Promise<string[]> {
    const names = new Map<bigint, string>();
    const visit = async (id: bigint, prefix: string) => {
      for (const { name, attributes } of await this.tree.list(id)) {
        names.set(attributes.id, prefix + name);
        if (attributes.k === 2) await visit(attributes.id, `${prefix}${name}/`);
      }
    };
    await visit(this.tree.root, "");
    return this.changes.splice(0).map((change) => names.get("node" in change ? change.node : change.directory) ?? "?");
  }
}

/** Lets everything that is ready to go on go on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Text as UTF-8. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
