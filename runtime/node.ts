/**
 * A node: pairs, loads its manifests, serves its files, stays connected.
 *
 * The composition root of the runtime: it builds the parts and hands them to
 * each other.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { type Diagnostic, SERVICE_TREE, ZssError } from "../control/protocol/mod.ts";
import { driverMaker } from "../drivers/mod.ts";
import { type Clock, currentOs, sleep } from "../drivers/process/mod.ts";
import { openFolder } from "./exports/folder.ts";
import { requireApart } from "./exports/keep_apart.ts";
import type { ExportSpec } from "./exports/parse_export.ts";
import { fsDescriptor } from "./host/builtin_services.ts";
import type { ServiceDefinition } from "./host/definition.ts";
import { Host } from "./host/host.ts";
import { DEFAULT_SERVICE_LIMITS, type ServiceTransition } from "./host/service.ts";
import { Link, type LinkEvent, type PublishedCatalog } from "./link/link.ts";
import type { Credentials } from "./link/pair.ts";
import {
  builtInMembers,
  isManifestName,
  type LoadedManifest,
  type LoadResult,
  ManifestSet,
  type SetMember,
  SETTLE_MS,
  timeoutOf,
  toDescriptor,
} from "./manifest/mod.ts";
import type { NodeMeters } from "./metrics/node_meters.ts";
import { FileServer } from "./namespace/file_server.ts";
import { createServiceFiles } from "./namespace/service_files.ts";
import type { FileTree } from "./namespace/tree.ts";
import { Pairing, type PairingEvent, type PairingOptions } from "./pairing.ts";
import type { ReloadChange } from "./reload/apply.ts";
import { FindingLedger, type FindingNews } from "./reload/finding_ledger.ts";
import { fingerprint } from "./reload/fingerprint.ts";
import { isNothing, Reloader, type WantedService, type WantedServices } from "./reload/reload.ts";
import { FolderWatch } from "./reload/watch.ts";
import { createTerminals, type Terminals } from "./terminal/terminals.ts";
import { type NodeState, readNodeState, unpaired, writeNodeState } from "./state/node_state.ts";
import { ServiceStateFile, serviceStatePath } from "./state/service_state.ts";
import { lockState } from "./state/state_lock.ts";
import { Supervisor } from "./supervision/supervisor.ts";

const log = getLogger(["zss", "runtime"]);

/** What a node serves and where it keeps what it knows, all resolved. */
export interface ServingOptions {
  readonly nodeName: string;
  readonly exports: readonly ExportSpec[];
  readonly manifestFiles: readonly string[];
  readonly manifestDirs: readonly string[];
  /** Ids of the terminals that the node offers; each runs whatever it is told to. */
  readonly terminalIds?: readonly string[];
  /** Roles that may use the terminals besides admins. @default {[]} */
  readonly terminalRoles?: readonly string[];
  readonly stateFile: string;
  /** Whether the `fs` entry is published. The folders are served either way. */
  readonly fsService: boolean;
  readonly reloadIntervalMs: number;
  /** How long whoever writes `control/invoke.json` waits before it is told that the run goes on. @default {40,000} */
  readonly invokeAnswerMs?: number;
  /** How long runs may go on when the node ends, in milliseconds. @default {5,000} */
  readonly drainTimeoutMs?: number;
}

/** Settings of a node with a control plane, all resolved. */
export interface NodeOptions extends ServingOptions, PairingOptions {
  readonly labels: Readonly<Record<string, string>>;
  readonly refreshIntervalMs: number;
}

/** What a node takes from outside. */
export interface NodeParts {
  readonly clock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
  readonly newCallId: () => string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether shared libraries may be loaded, in helpers. @default {false} */
  readonly allowInproc?: boolean;
  readonly version: string;
  readonly platform: PublishedCatalog["platform"];
  readonly report: (event: NodeEvent) => void;
  /** Counts what the services do. */
  readonly meters?: NodeMeters;
  /** Calls `listener` when somebody wants the manifests to be read now. Returns the function that ends it. */
  readonly onReloadAsked?: (listener: () => void) => () => void;
}

/** What happens in a node, for whoever shows it. */
export type NodeEvent =
  | LinkEvent
  | PairingEvent
  /** A node without a control plane takes clients. */
  | { readonly type: "listening"; readonly url: string; readonly trees: number }
  | { readonly type: "paired"; readonly node_id: string; readonly node_name: string; readonly resumed: boolean }
  | { readonly type: "identity_lost"; readonly reason: string; readonly kept_as: string }
  /** What the manifests make one think of that they did not before, and how much is left in all. */
  | { readonly type: "findings" } & FindingNews
  /** A service has become well or unwell, or was switched on or off. */
  | { readonly type: "service" } & ServiceTransition
  | { readonly type: "reloaded"; readonly change: ReloadChange };

/** How long runs may go on when the node ends unless told otherwise, in milliseconds. */
const DRAIN_TIMEOUT_MS = 5_000;
/** Whoever waited for a run that ended last may still read what came of it, for so long, in milliseconds. */
const LINGER_MS = 250;

/**
 * Runs a node until `signal` fires and its runs have ended.
 *
 * @throws {ZssError} When it cannot be paired (`join_denied`, `usage`), an export or the state file is unusable, or a
 * newer copy of the node has taken over.
 */
export async function runNode(given: NodeOptions, parts: NodeParts, signal: AbortSignal): Promise<void> {
  await using lock = await lockState(given.stateFile);
  const options = { ...given, stateFile: lock.stateFile };
  const serving = await openServing(options, parts);
  const { kept } = serving;
  const drained = serving.drainedAfter(signal);
  try {
    await kept.load();
    let state = await readNodeState(options.stateFile);
    const how = new Pairing(options, parts);
    while (!signal.aborted) {
      const credentials = credentialsOf(state) ?? await how.pair(state, signal);
      if (credentials === undefined) return;
      await save(options, credentials);
      const resumed = state.node_id !== null;
      parts.report({ type: "paired", node_id: credentials.node_id, node_name: credentials.node_name, resumed });
      try {
        await serve({ ...options, token: how.token }, parts, credentials, serving, { signal, drained });
      } catch (error) {
        if (how.withoutToken(error)) {
          state = { ...unpaired, ...credentials };
          continue;
        }
        if (!(error instanceof ZssError) || !["node_auth_failed", "node_not_found"].includes(error.code)) throw error;
        // This server knows the node no more. Another one may: it is put aside, not thrown away.
        const keptAs = `${options.stateFile}.lost`;
        await writeNodeState(keptAs, { ...unpaired, ...credentials });
        parts.report({ type: "identity_lost", reason: error.message, kept_as: keptAs });
        how.lost();
        state = unpaired;
        await writeNodeState(options.stateFile, state);
      }
    }
  } finally {
    await serving.close();
  }
}

/** What a node serves, whoever may reach it and under whichever identity. */
export interface Serving {
  readonly host: Host;
  readonly files: FileServer;
  readonly folders: readonly FileTree[];
  readonly manifests: ManifestLoader;
  readonly reloader: Reloader<ServiceDefinition>;
  readonly terminals: Terminals;
  readonly kept: ServiceStateFile;
  /** Says under which id everything is served, and reads the manifests for the first time. */
  identify(nodeId: string): Promise<void>;
  /** Calls `tell` after each change of the catalog, looked at. Returns the function that ends it. */
  onCatalog(tell: () => void): () => void;
  /** Reads the manifests at every interval, and whenever somebody asks, until `signal` fires. */
  keepReloading(signal: AbortSignal, changed: (change: ReloadChange) => void): Promise<void>;
  /** Fires after `signal`, when the runs under way have ended or had their time. */
  drainedAfter(signal: AbortSignal): AbortSignal;
  /** Ends the services and keeps what they know. */
  close(): Promise<void>;
}

/** Builds what a node serves; nothing runs yet. @throws {ZssError} `invalid_export` or `duplicate_export`. */
export async function openServing(options: ServingOptions, parts: NodeParts): Promise<Serving> {
  const { clock, meters, onReloadAsked } = parts;
  const { drainTimeoutMs = DRAIN_TIMEOUT_MS } = options;
  const folders = options.exports.map((spec) => openFolder({ ...spec, path: spec.path }));
  await requireApart(options.exports, {
    ...options,
    stateFiles: [options.stateFile, serviceStatePath(options.stateFile)],
  });
  const files = new FileServer({ name: options.nodeName, os: parts.platform.os, version: parts.version });
  const report = (problem: string) => log.warn("{problem}", { problem });
  const terminals = await createTerminals(options.terminalIds ?? [], {
    ...parts,
    createId: parts.newCallId,
    os: currentOs,
    roles: options.terminalRoles,
  });
  const host = new Host({
    clock,
    createFiles: terminals.filesOf(createServiceFiles),
    createCallId: parts.newCallId,
    limits: { ...DEFAULT_SERVICE_LIMITS, ...(options.invokeAnswerMs && { answerWithinMs: options.invokeAnswerMs }) },
    report,
    onTransition: (transition) => parts.report({ type: "service", ...transition }),
    ...(meters === undefined ? {} : { onRun: (run) => meters.ran(run) }),
  });
  meters?.takeServicesFrom(() => host.numbers());
  const kept = new ServiceStateFile(serviceStatePath(options.stateFile), { clock, services: host, report });
  const supervisor = new Supervisor(parts);
  const catalogListeners = new Set<() => void>();
  host.onChange((change) => {
    if (change.kind === "trees") {
      files.setTrees([...folders, ...host.trees()]);
      // What was switched off is not to be looked at, which may take a process.
      kept.restore();
      supervisor.watch(host.services());
    } else if (change.kind === "catalog") {
      kept.restore();
      // What is new is published with what the first look at it finds.
      void supervisor.settled().then(() => {
        for (const tell of catalogListeners) tell();
      });
    } else if (change.kind === "look") supervisor.lookSoon(host.service(change.service_id));
    else if (change.kind === "removed") kept.removed(change.snapshot);
    else if (change.kind === "state") kept.changed(change.service_id);
  });
  files.setTrees(folders);
  const manifests = new ManifestLoader(options, parts);
  const watch = new FolderWatch({
    dirs: options.manifestDirs,
    files: options.manifestFiles,
    isWanted: isManifestName,
    clock,
    report,
  });
  const reloader = new Reloader({
    stir: (ended) => watch.next(ended),
    load: () => manifests.load(),
    target: host,
    clock,
    intervalMs: options.reloadIntervalMs,
    report,
  });
  return {
    host,
    files,
    folders,
    manifests,
    reloader,
    kept,
    terminals,
    async identify(nodeId) {
      manifests.nodeId = nodeId;
      for (const terminal of terminals.definitions(nodeId)) host.put(terminal);
      await reloader.reload();
      await supervisor.settled();
    },
    onCatalog(tell) {
      catalogListeners.add(tell);
      return () => catalogListeners.delete(tell);
    },
    async keepReloading(signal, changed) {
      if (options.manifestFiles.length + options.manifestDirs.length === 0) return;
      const tell = (change: ReloadChange) => {
        if (isNothing(change)) return;
        parts.report({ type: "reloaded", change });
        changed(change);
      };
      const stopAsking = onReloadAsked?.(() => void reloader.reload().then(tell));
      await reloader.run(signal, tell);
      stopAsking?.();
    },
    drainedAfter(signal) {
      const drained = new AbortController();
      const drain = async () => {
        const someRun = host.isBusy;
        await host.stop(drainTimeoutMs);
        if (someRun) await sleep(clock, LINGER_MS);
        drained.abort();
      };
      if (signal.aborted) void drain();
      else signal.addEventListener("abort", () => void drain(), { once: true });
      return drained.signal;
    },
    async close() {
      await host.stop(drainTimeoutMs);
      supervisor.close();
      watch[Symbol.dispose]();
      await kept.close();
      files.setTrees([]);
    },
  };
}

/** Serves under one identity until the node has ended or the identity is lost. */
async function serve(
  options: NodeOptions,
  parts: NodeParts,
  credentials: Credentials,
  { host, files, folders, keepReloading, identify, onCatalog }: Serving,
  { signal, drained }: { readonly signal: AbortSignal; readonly drained: AbortSignal },
): Promise<void> {
  const nodeId = credentials.node_id;
  const done = new AbortController();
  await identify(nodeId);
  const link = new Link({
    ...options,
    clock: parts.clock,
    random: parts.random,
    catalog: () => ({
      platform: parts.platform,
      labels: options.labels,
      services: [...(options.fsService ? [fsDescriptor(nodeId, folders)] : []), ...host.catalog()],
    }),
    serve: (send) => files.connect(send),
    save: (fresh) => save(options, fresh),
    report: parts.report,
  }, credentials);
  const reloading = keepReloading(AbortSignal.any([signal, done.signal]), () => {});
  const stopListening = onCatalog(() => link.catalogChanged());
  try {
    await link.run(drained);
  } finally {
    stopListening();
    done.abort();
    await reloading;
  }
}

function save(options: NodeOptions, credentials: Credentials): Promise<void> {
  return writeNodeState(options.stateFile, { ...unpaired, ...credentials });
}

function credentialsOf(state: NodeState): Credentials | undefined {
  const { node_id, node_secret } = state;
  if (node_id === null || node_secret === null) return undefined;
  return {
    node_id,
    node_secret,
    lease_token: state.lease_token ?? "",
    lease_expires_at_ms: state.lease_expires_at_ms,
    node_name: state.node_name ?? node_id,
    fs_url: state.fs_url ?? "",
  };
}

/** Reads the manifests of the node and says when their findings change. */
class ManifestLoader {
  /** Takes the place of `{node_id}`; set before the first load. */
  nodeId = "";
  /** Their names are taken. */
  exports: readonly Pick<ExportSpec, "name">[];
  readonly #options: ServingOptions;
  readonly #parts: NodeParts;
  readonly #set: ManifestSet;
  readonly #made = new WeakMap<LoadedManifest["service"], WantedService<ServiceDefinition>>();
  readonly #ledger = new FindingLedger();
  #last: { readonly result: LoadResult; readonly wanted: WantedServices<ServiceDefinition> } | undefined;

  constructor(options: ServingOptions, parts: NodeParts) {
    this.#options = options;
    this.#parts = parts;
    this.exports = options.exports;
    this.#set = new ManifestSet(parts.clock);
  }

  load(): Promise<WantedServices<ServiceDefinition>> {
    const result = this.#set.load({
      files: this.#options.manifestFiles,
      dirs: this.#options.manifestDirs,
      nodeId: this.nodeId,
      reserved: this.#reserved(),
    });
    if (result === this.#last?.result) return Promise.resolve(this.#last.wanted);
    const { services, findings, goneFolders, isUnsettled } = result;
    const news = this.#ledger.take(findings);
    if (news !== undefined) this.#parts.report({ type: "findings", ...news });
    const wanted = {
      services: services.map((loaded) => this.#wanted(loaded)),
      damaged: damagesOf(findings.filter(({ file }) => !goneFolders.includes(file))),
      ...(isUnsettled ? { lookAgainMs: SETTLE_MS } : {}),
    };
    this.#last = { result, wanted };
    return Promise.resolve(wanted);
  }

  /** Made once for each version of a manifest. */
  #wanted(loaded: LoadedManifest): WantedService<ServiceDefinition> {
    const { file: origin, service } = loaded;
    const known = this.#made.get(service);
    if (known !== undefined) return known;
    const made = {
      service_id: service.service_id,
      origin,
      fingerprint: fingerprint(service),
      definition: definitionOf(loaded, this.#parts),
    };
    this.#made.set(service, made);
    return made;
  }

  /** What no manifest may claim: its own entry would have the id, or its tree the name, of something else. */
  #reserved(): SetMember[] {
    const { fsService } = this.#options;
    const trees = this.exports.filter(({ name }) => name.startsWith(SERVICE_TREE)).map(({ name }) => ({
      origin: `the export "${name}"`,
      service_id: name.slice(SERVICE_TREE.length),
      mounts: [],
    }));
    return [...trees, ...(fsService ? builtInMembers(this.nodeId) : [])];
  }
}

/** What makes each damaged file, or folder, unusable: its first error. */
function damagesOf(findings: readonly Diagnostic[]): ReadonlyMap<string, string> {
  const errors = findings.filter(({ severity }) => severity === "error").toReversed();
  return new Map(errors.map(({ file, start, message }) => [file, `${file}:${start.line}:${start.column}: ${message}`]));
}

/** What the host needs to run a manifest; without a driver when the manifest names nothing that could run. */
function definitionOf({ file, service }: LoadedManifest, parts: NodeParts): ServiceDefinition {
  const { runtime, invoke_template } = service;
  const { supervision, probe } = runtime;
  const about = { timeout_ms: timeoutOf(service), invoke_template, supervision, probe };
  const listed = { descriptor: toDescriptor(service), origin: file, ...about };
  const createDriver = driverMaker(runtime, parts);
  return createDriver === undefined ? listed : { ...listed, createDriver };
}
