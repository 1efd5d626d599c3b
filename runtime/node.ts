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
import { createNativeProcDriver, nativeProcConfig } from "../drivers/mod.ts";
import { type Clock, sleep } from "../drivers/process/mod.ts";
import { openFolder } from "./exports/folder.ts";
import type { ExportSpec } from "./exports/parse_export.ts";
import { fsDescriptor } from "./host/builtin_services.ts";
import type { ServiceDefinition } from "./host/definition.ts";
import { Host } from "./host/host.ts";
import { DEFAULT_SERVICE_LIMITS } from "./host/service.ts";
import { type BackoffBounds, backoffMs } from "../control/client/mod.ts";
import { Link, type LinkEvent, type PublishedCatalog } from "./link/link.ts";
import { askToJoin, type PendingJoin } from "./link/ask_to_join.ts";
import { type Credentials, pairByInvite } from "./link/pair.ts";
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
import { FileServer } from "./namespace/file_server.ts";
import { createServiceFiles } from "./namespace/service_files.ts";
import type { ReloadChange } from "./reload/apply.ts";
import { fingerprint } from "./reload/fingerprint.ts";
import { Reloader, type WantedService, type WantedServices } from "./reload/reload.ts";
import { FolderWatch } from "./reload/watch.ts";
import { type NodeState, readNodeState, unpaired, writeNodeState } from "./state/node_state.ts";
import { ServiceStateFile, serviceStatePath } from "./state/service_state.ts";
import { lockState } from "./state/state_lock.ts";
import { Supervisor } from "./supervision/supervisor.ts";

const log = getLogger(["zss", "runtime"]);

/** Settings of a node, all resolved. */
export interface NodeOptions {
  readonly controlUrl: string;
  /** Bearer token; a node does not need one. */
  readonly token: string | undefined;
  /** Whether to ask for an admin's approval instead of using an invite. */
  readonly pairMode: "invite" | "request";
  /** Certificates in PEM form that are trusted for `wss://` besides the usual ones. */
  readonly ca?: string | undefined;
  readonly inviteToken: string | undefined;
  readonly nodeName: string;
  readonly exports: readonly ExportSpec[];
  readonly manifestFiles: readonly string[];
  readonly manifestDirs: readonly string[];
  readonly stateFile: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Whether the `fs` entry is published. The folders are served either way. */
  readonly fsService: boolean;
  readonly leaseTtlMs: number;
  readonly refreshIntervalMs: number;
  readonly reloadIntervalMs: number;
  /** How long whoever writes `control/invoke.json` waits before it is told that the run goes on. @default {40,000} */
  readonly invokeAnswerMs?: number;
  readonly backoff: BackoffBounds;
}

/** What a node takes from outside. */
export interface NodeParts {
  readonly clock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
  readonly newCallId: () => string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly platform: PublishedCatalog["platform"];
  readonly report: (event: NodeEvent) => void;
}

/** What happens in a node, for whoever shows it. */
export type NodeEvent =
  | LinkEvent
  | { readonly type: "paired"; readonly node_id: string; readonly node_name: string; readonly resumed: boolean }
  | { readonly type: "identity_lost"; readonly reason: string; readonly kept_as: string }
  | { readonly type: "asks_to_join"; readonly request_id: string; readonly code: string }
  | { readonly type: "invite_unusable"; readonly reason: string }
  | { readonly type: "token_refused"; readonly reason: string }
  | { readonly type: "waiting_for_server"; readonly reason: string; readonly retry_in_ms: number }
  | { readonly type: "findings"; readonly findings: readonly Diagnostic[] }
  | { readonly type: "reloaded"; readonly change: ReloadChange }
  /** The node was told to end; runs under way get so long. */
  | { readonly type: "draining"; readonly grace_ms: number };

/** How long runs may go on when the node ends, in milliseconds. */
const END_GRACE_MS = 8_000;

/** How long whoever waited for a run may read its result before the files are gone, in milliseconds. */
const READ_GRACE_MS = 500;

/**
 * Runs a node until `signal` fires.
 *
 * Whoever uses a service then gets the answer to what runs, if it ends in time;
 * nothing new begins.
 *
 * @throws {ZssError} When it cannot be paired (`invite_*`, `usage`), an export or the state file is unusable, another
 * process uses the state file (`state_in_use`), or a newer copy of the node has taken over.
 */
export async function runNode(options: NodeOptions, parts: NodeParts, signal: AbortSignal): Promise<void> {
  await using _lock = await lockState(options.stateFile);
  const folders = options.exports.map((spec) => openFolder({ ...spec, path: spec.path }));
  const files = new FileServer({ name: options.nodeName, os: parts.platform.os, version: parts.version });
  const report = (problem: string) => log.warn("{problem}", { problem });
  const host = new Host({
    clock: parts.clock,
    createFiles: createServiceFiles,
    createCallId: parts.newCallId,
    limits: { ...DEFAULT_SERVICE_LIMITS, ...(options.invokeAnswerMs && { answerWithinMs: options.invokeAnswerMs }) },
    report,
  });
  const kept = new ServiceStateFile(serviceStatePath(options.stateFile), {
    clock: parts.clock,
    services: host,
    report,
  });
  const supervisor = new Supervisor(parts);
  const catalog = new Changes();
  host.onChange((change) => {
    if (change.kind === "trees") {
      files.setTrees([...folders, ...host.trees()]);
      supervisor.watch(host.services());
    } else if (change.kind === "catalog") {
      kept.restore();
      // What is new is published with what the first look at it finds.
      void supervisor.settled().then(() => catalog.tell());
    } else if (change.kind === "look") supervisor.lookSoon(host.service(change.service_id));
    else if (change.kind === "state") kept.changed(change.service_id);
  });
  files.setTrees(folders);
  const manifests = new ManifestLoader(options, parts);
  using watch = new FolderWatch({
    dirs: options.manifestDirs,
    files: options.manifestFiles,
    isWanted: isManifestName,
    clock: parts.clock,
    report,
  });
  const reloader = new Reloader({
    load: () => manifests.load(),
    target: host,
    clock: parts.clock,
    intervalMs: options.reloadIntervalMs,
    stir: (ended) => watch.next(ended),
    report,
  });
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
        const serving = { host, files, folders, manifests, reloader, supervisor, catalog };
        await serve({ ...options, token: how.token }, parts, credentials, serving, signal);
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
    await host.stop(END_GRACE_MS);
    supervisor.close();
    await kept.close();
  }
}

/** Tells whoever listens now. */
class Changes {
  listener: (() => void) | undefined;

  tell(): void {
    this.listener?.();
  }
}

/** The parts that stay while the identity may change. */
interface Serving {
  readonly host: Host;
  readonly files: FileServer;
  readonly manifests: ManifestLoader;
  readonly reloader: Reloader<ServiceDefinition>;
  readonly supervisor: Supervisor;
  readonly catalog: Changes;
  readonly folders: readonly ReturnType<typeof openFolder>[];
}

/** Serves under one identity until `signal` fires or the identity is lost. */
async function serve(
  options: NodeOptions,
  parts: NodeParts,
  credentials: Credentials,
  { host, files, folders, manifests, reloader, supervisor, catalog }: Serving,
  signal: AbortSignal,
): Promise<void> {
  const nodeId = credentials.node_id;
  const done = new AbortController();
  const ended = AbortSignal.any([signal, done.signal]);
  manifests.nodeId = nodeId;
  await reloader.reload();
  await supervisor.settled();
  const link = new Link({
    ...options,
    clock: parts.clock,
    random: parts.random,
    catalog: () => ({
      platform: parts.platform,
      labels: options.labels,
      services: [...(options.fsService ? [fsDescriptor(nodeId, folders.length)] : []), ...host.catalog()],
    }),
    serve: (send) => files.connect(send),
    save: (fresh) => save(options, fresh),
    report: parts.report,
  }, credentials);
  const hasManifests = options.manifestFiles.length + options.manifestDirs.length > 0;
  const reloading = hasManifests && reloader.run(ended, (change) => parts.report({ type: "reloaded", change }));
  catalog.listener = () => link.catalogChanged();
  const drained = new AbortController();
  const drain = () => {
    parts.report({ type: "draining", grace_ms: END_GRACE_MS });
    const readMs = host.isBusy ? READ_GRACE_MS : 0;
    // Answers go out through the link, so it stands until the last run has ended.
    void host.stop(END_GRACE_MS)
      .then(() => readMs > 0 ? sleep(parts.clock, readMs, done.signal) : undefined)
      .finally(() => drained.abort());
  };
  if (signal.aborted) drained.abort();
  else signal.addEventListener("abort", drain, { once: true });
  try {
    await link.run(drained.signal);
  } finally {
    signal.removeEventListener("abort", drain);
    catalog.listener = undefined;
    done.abort();
    await reloading;
  }
}

/** How a node comes by its identity, and what it has found out about the way. */
class Pairing {
  readonly #options: NodeOptions;
  readonly #parts: NodeParts;
  #mode: "invite" | "request";
  #wasPaired = false;
  /** The request that waits, whatever the state file said when the node started. */
  #pending: PendingJoin | undefined;
  /** Of the join by invite that was begun. */
  #joinKey: string | undefined;
  /** The bearer token, as long as the server takes it. */
  token: string | undefined;

  constructor(options: NodeOptions, parts: NodeParts) {
    this.#options = options;
    this.#parts = parts;
    this.#mode = options.pairMode;
    this.token = options.token;
  }

  /** Notes that an identity was lost: the invite that made it is spent. */
  lost(): void {
    this.#wasPaired = true;
  }

  /** Goes on without the bearer token if that is what was refused: a node needs none. */
  withoutToken(error: unknown): boolean {
    if (!(error instanceof ZssError) || error.code !== "provider_auth_failed" || this.token === undefined) return false;
    this.token = undefined;
    this.#parts.report({ type: "token_refused", reason: error.message });
    return true;
  }

  /** Joins, waiting for the server as long as it cannot be reached. `undefined`: the node was told to end. */
  async pair(state: NodeState, signal: AbortSignal): Promise<Credentials | undefined> {
    const { backoff } = this.#options;
    const { clock, random, report } = this.#parts;
    for (let attempt = 0; !signal.aborted;) {
      try {
        return this.#mode === "invite" ? await this.#byInvite(state) : await this.#byRequest(state, signal);
      } catch (error) {
        if (!(error instanceof ZssError)) throw error;
        if (this.withoutToken(error)) continue;
        if (this.#mode === "invite" && this.#wasPaired && error.code.startsWith("invite_")) {
          // Nobody may be there to bring another invite, so the node asks.
          report({ type: "invite_unusable", reason: error.message });
          this.#mode = "request";
          continue;
        }
        if (error.code === "join_denied") {
          // The next start may ask again.
          await writeNodeState(this.#options.stateFile, unpaired);
        }
        if (!["unreachable", "connection_lost", "timeout", "busy"].includes(error.code)) throw error;
        const wait = backoffMs(attempt++, backoff, random());
        report({ type: "waiting_for_server", reason: error.message, retry_in_ms: wait });
        await sleep(clock, wait, signal);
      }
    }
    return undefined;
  }

  async #byInvite(state: NodeState): Promise<Credentials> {
    const { inviteToken, stateFile } = this.#options;
    if (inviteToken === undefined) {
      throw new ZssError("usage", `Cannot pair: "${stateFile}" holds no identity and there is no invite`, {
        hint: "make one with zss node invite and pass it with --invite-token, or ask to join with --pair-mode request",
      });
    }
    // Written before the join: should the node end before it has the answer, the key gets it another one.
    const joinKey = this.#joinKey ??= state.join_key ?? `join-${crypto.randomUUID().replaceAll("-", "")}`;
    await writeNodeState(stateFile, { ...unpaired, join_key: joinKey });
    return await pairByInvite({ ...this.#options, token: this.token, inviteToken, joinKey, clock: this.#parts.clock });
  }

  #byRequest(state: NodeState, signal: AbortSignal): Promise<Credentials | undefined> {
    const { controlUrl, ca, nodeName, stateFile } = this.#options;
    const { clock, platform, report } = this.#parts;
    const { request_id, claim_token, code } = state;
    return askToJoin({
      controlUrl,
      token: this.token,
      ca,
      nodeName,
      platform: { ...platform },
      clock,
      pending: this.#pending ??
        (request_id === null || claim_token === null ? undefined : { request_id, claim_token, code: code ?? "" }),
      save: (pending) => {
        this.#pending = pending;
        return writeNodeState(stateFile, { ...unpaired, ...pending });
      },
      onWaiting: ({ request_id, code }) => report({ type: "asks_to_join", request_id, code }),
    }, signal);
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
  readonly #options: NodeOptions;
  readonly #parts: NodeParts;
  readonly #set: ManifestSet;
  #shown = "[]";
  readonly #made = new WeakMap<LoadedManifest["service"], WantedService<ServiceDefinition>>();
  #last: { readonly result: LoadResult; readonly wanted: WantedServices<ServiceDefinition> } | undefined;

  constructor(options: NodeOptions, parts: NodeParts) {
    this.#options = options;
    this.#parts = parts;
    this.#set = new ManifestSet(() => parts.clock.now());
  }

  load(): Promise<WantedServices<ServiceDefinition>> {
    const result = this.#set.load({
      files: this.#options.manifestFiles,
      dirs: this.#options.manifestDirs,
      nodeId: this.nodeId,
      reserved: this.#reserved(),
    });
    if (result === this.#last?.result) return Promise.resolve(this.#last.wanted);
    const { services, findings, isUnsettled } = result;
    const text = JSON.stringify(findings);
    if (text !== this.#shown) this.#parts.report({ type: "findings", findings });
    this.#shown = text;
    const wanted = {
      services: services.map((loaded) => this.#wanted(loaded)),
      damaged: damagesOf(findings),
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
    const { exports, fsService } = this.#options;
    const trees = exports.filter(({ name }) => name.startsWith(SERVICE_TREE)).map(({ name }) => ({
      origin: `the export "${name}"`,
      service_id: name.slice(SERVICE_TREE.length),
      mounts: [],
    }));
    return [...trees, ...(fsService ? builtInMembers(this.nodeId) : [])];
  }
}

/** What makes each damaged file unusable: its first error. */
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
  if (runtime.type !== "native_proc" || runtime.executable_path === undefined) return listed;
  const config = nativeProcConfig.parse(runtime);
  return { ...listed, createDriver: () => createNativeProcDriver(config, parts) };
}
