/**
 * The services of a node: what runs, what is listed, what changes.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { canonicalText, type ServiceDescriptor } from "../../control/catalog/mod.ts";
import { type ServiceManifest, toDescriptor } from "../manifest/schema.ts";
import type { FileTree } from "../namespace/tree.ts";
import { planReload } from "../reload/plan.ts";

const log = getLogger(["zss", "runtime", "host"]);

/** How long a service that is replaced may finish its runs, in milliseconds. */
const GRACE_MS = 30_000;

/** A service that can be used. `Memory` is what survives a change of its manifest. */
export interface RunningService<Memory> {
  readonly files: FileTree;
  memory(): Memory;
  remember(memory: Memory): void;
  /** Waits up to `graceMs` for the runs under way, then ends them. */
  stop(graceMs: number): Promise<void>;
}

/** Starts a service; `undefined` when there is nothing to run and the service is only listed. */
export type StartService<Memory> = (manifest: ServiceManifest) => RunningService<Memory> | undefined;

/** A manifest and the file that it stands in. */
export interface ManifestInFile {
  readonly file: string;
  readonly service: ServiceManifest;
}

interface Hosted<Memory> {
  readonly manifest: ServiceManifest;
  readonly file: string;
  readonly fingerprint: string;
  readonly service: RunningService<Memory> | undefined;
}

/** What a change did. */
export interface HostChange {
  readonly added: readonly string[];
  readonly replaced: readonly string[];
  readonly removed: readonly string[];
}

/** The running services. */
export class Host<Memory> {
  readonly #startService: StartService<Memory>;
  readonly #stopping = new Set<Promise<void>>();
  #hosted = new Map<string, Hosted<Memory>>();

  constructor(startService: StartService<Memory>) {
    this.#startService = startService;
  }

  /** Entries for the catalog, in the order of the manifests. */
  get descriptors(): ServiceDescriptor[] {
    return [...this.#hosted.values()].map(({ manifest }) => toDescriptor(manifest));
  }

  /** Trees of the services that can be used. */
  get trees(): FileTree[] {
    return [...this.#hosted.values()].flatMap(({ service }) => service === undefined ? [] : [service.files]);
  }

  /** Files that the running services came from, by service. */
  get files(): ReadonlyMap<string, string> {
    return new Map([...this.#hosted].map(([id, { file }]) => [id, file]));
  }

  /**
   * Makes these the services of the node. What is the same stays as it is; a
   * service that changed keeps its counters, its configuration and its last result.
   *
   * @param damaged Files that cannot be read now: their services go on as they were.
   */
  apply(wanted: readonly ManifestInFile[], damaged: ReadonlySet<string> = new Set()): HostChange {
    const byId = new Map(wanted.map((loaded) => [loaded.service.service_id, loaded]));
    const running = new Map([...this.#hosted].map(([id, { fingerprint }]) => [id, fingerprint]));
    const keep = new Set([...this.#hosted].filter(([, { file }]) => damaged.has(file)).map(([id]) => id));
    const steps = planReload(running, byId, (loaded) => canonicalText(loaded.service), keep);
    const before = this.#hosted;
    const after = new Map<string, Hosted<Memory>>();
    for (const [id, loaded] of byId) {
      const step = steps.find((candidate) => candidate.id === id);
      const held = before.get(id);
      after.set(id, step === undefined && held !== undefined ? held : this.#start(loaded, held));
    }
    for (const id of keep) {
      const held = before.get(id);
      if (held !== undefined && !after.has(id)) after.set(id, held);
    }
    this.#hosted = after;
    for (const step of steps) if (step.type !== "add") this.#stop(before.get(step.id));
    const ids = (type: string) => steps.filter((step) => step.type === type).map((step) => step.id);
    return { added: ids("add"), replaced: ids("replace"), removed: ids("remove") };
  }

  /** Ends every service; runs under way are given `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    const services = [...this.#hosted.values()].map(({ service }) => service?.stop(graceMs));
    this.#hosted = new Map();
    await Promise.all([...services, ...this.#stopping]);
  }

  #start(loaded: ManifestInFile, before: Hosted<Memory> | undefined): Hosted<Memory> {
    const manifest = loaded.service;
    const service = this.#startService(manifest);
    if (before?.service !== undefined) service?.remember(before.service.memory());
    return { manifest, file: loaded.file, fingerprint: canonicalText(manifest), service };
  }

  #stop(hosted: Hosted<Memory> | undefined): void {
    if (hosted?.service === undefined) return;
    const stopping = hosted.service.stop(GRACE_MS)
      .catch((error) => log.error("Cannot stop service {id}: {error}", { id: hosted.manifest.service_id, error }))
      .finally(() => this.#stopping.delete(stopping));
    this.#stopping.add(stopping);
  }
}
