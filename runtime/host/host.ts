/**
 * The services of a node: what runs, what is listed, what changes.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { canonicalText, type ServiceDescriptor } from "../../control/catalog/mod.ts";
import type { Driver } from "../../drivers/mod.ts";
import { type LoadedManifest, type ServiceManifest, timeoutOf, toDescriptor } from "../manifest/mod.ts";
import type { FileTree } from "../namespace/tree.ts";
import { planReload } from "../reload/plan.ts";
import { Service, type ServiceDeps } from "./service.ts";

const log = getLogger(["zss", "runtime", "host"]);

/** How long a service that is replaced may finish its runs, in milliseconds. */
const GRACE_MS = 30_000;

/** Makes the driver of a service; `undefined` when there is nothing to run and the service is only listed. */
export type MakeDriver = (service: ServiceManifest) => Driver | undefined;

interface Hosted {
  readonly manifest: ServiceManifest;
  readonly file: string;
  readonly fingerprint: string;
  readonly service: Service | undefined;
}

/** What a change did. */
export interface HostChange {
  readonly added: readonly string[];
  readonly replaced: readonly string[];
  readonly removed: readonly string[];
}

/** The running services. */
export class Host {
  readonly #deps: ServiceDeps;
  readonly #makeDriver: MakeDriver;
  readonly #stopping = new Set<Promise<void>>();
  #hosted = new Map<string, Hosted>();

  constructor(deps: ServiceDeps, makeDriver: MakeDriver) {
    this.#deps = deps;
    this.#makeDriver = makeDriver;
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
  apply(wanted: readonly LoadedManifest[], damaged: ReadonlySet<string> = new Set()): HostChange {
    const byId = new Map(wanted.map((loaded) => [loaded.service.service_id, loaded]));
    const running = new Map([...this.#hosted].map(([id, { fingerprint }]) => [id, fingerprint]));
    const keep = new Set([...this.#hosted].filter(([, { file }]) => damaged.has(file)).map(([id]) => id));
    const steps = planReload(running, byId, (loaded) => canonicalText(loaded.service), keep);
    const before = this.#hosted;
    const after = new Map<string, Hosted>();
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

  #start(loaded: LoadedManifest, before: Hosted | undefined): Hosted {
    const manifest = loaded.service;
    const driver = this.#makeDriver(manifest);
    const service = driver === undefined ? undefined : new Service(
      {
        service_id: manifest.service_id,
        timeout_ms: timeoutOf(manifest),
        help_md: manifest.help_md,
        schema: manifest.schema,
        invoke_template: manifest.invoke_template,
      },
      driver,
      this.#deps,
    );
    if (before?.service !== undefined) service?.remember(before.service.memory());
    return { manifest, file: loaded.file, fingerprint: canonicalText(manifest), service };
  }

  #stop(hosted: Hosted | undefined): void {
    if (hosted?.service === undefined) return;
    const stopping = hosted.service.stop(GRACE_MS)
      .catch((error) => log.error("Cannot stop service {id}: {error}", { id: hosted.manifest.service_id, error }))
      .finally(() => this.#stopping.delete(stopping));
    this.#stopping.add(stopping);
  }
}
