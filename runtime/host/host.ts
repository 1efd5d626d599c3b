/**
 * The services of a node.
 *
 * Registers, replaces and removes services, refuses an id that is taken, and
 * says at any time which trees to serve and which catalog to publish. What a
 * service is made of comes as a {@linkcode ServiceDefinition}; where manifests
 * come from and who is told of the catalog is not its business.
 *
 * @module
 */

import { MAX_SERVICES_PER_NODE, type ServiceDescriptor } from "../../control/catalog/descriptor.ts";
import { ZssError } from "../../control/protocol/errors.ts";
import type { Driver } from "../../drivers/driver.ts";
import type { CancelTimer } from "../../drivers/process/clock.ts";
import type { FileTree } from "../namespace/tree.ts";
import type { ServiceSnapshot } from "../supervision/snapshot.ts";
import type { ServiceDefinition } from "./definition.ts";
import { faultyEntry } from "./publication.ts";
import type { ServiceNumbers } from "../supervision/numbers.ts";
import { Service, type ServiceDeps } from "./service.ts";

/**
 * What changed. `trees`: the list of trees. `catalog`: an entry, or which there
 * are. `state`: something of one service that the state file keeps. `look`: the
 * driver of a service should be looked at soon. `removed`: a service went, or
 * lost its driver, and its last run has ended; what it knew then comes with it.
 */
export type HostChange =
  | { readonly kind: "trees" | "catalog" }
  | { readonly kind: "state" | "look"; readonly service_id: string }
  | { readonly kind: "removed"; readonly service_id: string; readonly snapshot: ServiceSnapshot };

interface Registration {
  readonly definition: ServiceDefinition;
  /** Absent for a service that is a catalog entry only. */
  readonly service: Service | undefined;
  /** The entry of one without a driver while the newest version of its manifest cannot be used. */
  readonly faulty?: ServiceDescriptor | undefined;
}

/** A service that is taken away and whose runs somebody may wait for. */
interface Leaving {
  readonly service: Service;
  /** Ends the wait for readers of the last run, once that has begun. */
  cancel: CancelTimer;
}

/** Whoever waited for the last run of a service that goes may read what came of it for so long, in milliseconds. */
const LINGER_MS = 250;

/** Registers, starts and stops services. */
export class Host {
  readonly #deps: ServiceDeps;
  /** In the order of registration, which is that of the catalog. */
  readonly #registrations = new Map<string, Registration>();
  readonly #listeners = new Set<(change: HostChange) => void>();
  readonly #stopping = new Set<Promise<void>>();
  /** By id: a service that comes back while it leaves is the one that it was. */
  readonly #leaving = new Map<string, Leaving>();
  /** Changes held back by a batch, by what tells them apart. */
  #held: Map<string, HostChange> | undefined;

  constructor(deps: ServiceDeps) {
    this.#deps = deps;
  }

  /**
   * Adds a service.
   *
   * @throws {ZssError} `duplicate_service_id` when the id is taken, `too_many_services` at the limit of a catalog,
   * and whatever its `createDriver` throws.
   */
  add(definition: ServiceDefinition): void {
    const { service_id } = definition.descriptor;
    const taken = this.#registrations.get(service_id);
    if (taken !== undefined) {
      throw new ZssError(
        "duplicate_service_id",
        `Cannot register service "${service_id}" from ${definition.origin}: the id is taken by ${taken.definition.origin}`,
        { hint: "choose another service_id", path: "/service_id" },
      );
    }
    if (this.#registrations.size >= MAX_SERVICES_PER_NODE) {
      throw new ZssError(
        "too_many_services",
        `Cannot register service "${service_id}" from ${definition.origin}: the node has ${MAX_SERVICES_PER_NODE} services`,
        { hint: "spread the services over more nodes" },
      );
    }
    this.#register(definition);
    this.#tell({ kind: "catalog" });
  }

  /**
   * Puts a new declaration in place of the one with the same id, at the same place of the catalog.
   *
   * While both have a driver the service lives on: see `Service.replace`.
   *
   * @throws {ZssError} `service_not_found`, or whatever its `createDriver` throws; the old one then stays.
   */
  replace(definition: ServiceDefinition): void {
    const { service_id } = definition.descriptor;
    const old = this.#find(service_id);
    if (old.service !== undefined && definition.createDriver !== undefined) {
      const { service } = old;
      const { createDriver } = definition;
      // What the service tells of itself on the way is part of one change.
      this.batch(() => {
        service.replace(definition, createDriver);
        this.#registrations.set(service_id, { definition, service });
        this.#tell({ kind: "catalog" });
        this.#tell({ kind: "state", service_id });
      });
      return;
    }
    this.#register(definition);
    this.#letGo(old);
    this.#tell({ kind: "catalog" });
    this.#tell({ kind: "state", service_id });
  }

  /** Adds a service, or replaces the one with the same id. @throws {ZssError} As `add` and `replace` do. */
  put(definition: ServiceDefinition): void {
    if (this.#registrations.has(definition.descriptor.service_id)) this.replace(definition);
    else this.add(definition);
  }

  /**
   * Takes a service away: it begins no run any more, and leaves the catalog at once.
   *
   * Runs under way end by themselves, at the latest by their timeout, and its tree stays until they have. When a
   * service of that id is added meanwhile, it is the same one with a new declaration: see `Service.resume`.
   *
   * @throws {ZssError} `service_not_found`.
   */
  remove(service_id: string): void {
    const old = this.#find(service_id);
    this.#registrations.delete(service_id);
    this.#letGo(old);
    this.#tell({ kind: "catalog" });
    this.#tell({ kind: "state", service_id });
  }

  /** Tells listeners of each kind of change once, after `body`, however many changes it makes. */
  batch(body: () => void): void {
    if (this.#held !== undefined) return body();
    this.#held = new Map();
    try {
      body();
    } finally {
      const held = this.#held;
      this.#held = undefined;
      for (const change of held.values()) this.#tell(change);
    }
  }

  /** What a service is defined by at present. */
  definition(service_id: string): ServiceDefinition | undefined {
    return this.#registrations.get(service_id)?.definition;
  }

  /** The trees to serve, in the order of the catalog; then those of services that are going, while their runs last. */
  trees(): readonly FileTree[] {
    return [...this.services(), ...this.#leavingServices()].map(({ tree }) => tree);
  }

  /** Whether anything runs, also of services that are going. */
  get isBusy(): boolean {
    return [...this.services(), ...this.#leavingServices()].some(({ numbers }) => numbers.running > 0);
  }

  /** The catalog to publish. An entry is the same object until something of it changes. */
  catalog(): readonly ServiceDescriptor[] {
    return [...this.#registrations.values()].map(({ definition, service, faulty }) =>
      service?.descriptor ?? faulty ?? definition.descriptor
    );
  }

  /** The numbers of every service that has a driver. */
  numbers(): readonly ServiceNumbers[] {
    return this.services().map(({ numbers }) => numbers);
  }

  /** The services that have a driver. */
  services(): readonly Service[] {
    return [...this.#registrations.values()].flatMap(({ service }) => service ?? []);
  }

  /** The service of that id, when it has a driver. */
  service(service_id: string): Service | undefined {
    return this.#registrations.get(service_id)?.service;
  }

  /**
   * Says in the entry and the files of a service that the newest version of its manifest cannot be used, and why.
   *
   * @throws {ZssError} `service_not_found`.
   */
  fault(service_id: string, reason: string | undefined): void {
    const { definition, service } = this.#find(service_id);
    if (service !== undefined) {
      service.reloadError = reason;
      return;
    }
    this.#registrations.set(service_id, { definition, service, faulty: faultyEntry(definition.descriptor, reason) });
    this.#tell({ kind: "catalog" });
  }

  /** The services whose state is kept: those that have a driver, and those that are going. */
  snapshots(): readonly Service[] {
    return [...this.services(), ...this.#leavingServices()];
  }

  /**
   * Brings back what the state file kept of one service.
   *
   * @returns False when there is no such service, or it has no driver (yet).
   * @throws {FsError} If the kept configuration is none; the service is then as before.
   */
  restore(snapshot: ServiceSnapshot): boolean {
    const service = this.#registrations.get(snapshot.service_id)?.service;
    service?.restore(snapshot);
    return service !== undefined;
  }

  /** Calls `listener` after each change. Returns the function that ends it. */
  onChange(listener: (change: HostChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends every service, all at the same time, and waits for them. Their trees can be read until then. */
  async stop(graceMs: number): Promise<void> {
    for (const service of [...this.services(), ...this.#leavingServices()]) void this.#stop(service, graceMs);
    await Promise.all(this.#stopping);
    for (const leaving of this.#leaving.values()) this.#leave(leaving);
  }

  #register(definition: ServiceDefinition): void {
    const { service_id } = definition.descriptor;
    const { createDriver } = definition;
    const leaving = this.#leaving.get(service_id);
    if (createDriver !== undefined && leaving !== undefined) {
      return this.batch(() => this.#takeBack(leaving, definition, createDriver));
    }
    const service = createDriver === undefined ? undefined : new Service(
      definition,
      createDriver,
      this.#deps,
      {
        changed: () => this.#tell({ kind: "state", service_id }),
        published: () => this.#tell({ kind: "catalog" }),
        wantsLook: () => this.#tell({ kind: "look", service_id }),
      },
    );
    this.#registrations.set(service_id, { definition, service });
    if (service !== undefined) this.#tell({ kind: "trees" });
  }

  /** Nobody who waits for a run of the service, or reads its files, notices that it was away. */
  #takeBack(leaving: Leaving, definition: ServiceDefinition, createDriver: () => Driver): void {
    const { service } = leaving;
    service.resume(definition, createDriver);
    leaving.cancel();
    this.#leaving.delete(service.service_id);
    this.#registrations.set(service.service_id, { definition, service });
    this.#tell({ kind: "trees" });
  }

  /** Ends what is registered no more, at once or when its runs have ended and were read. */
  #letGo({ service, definition }: Registration): void {
    if (service === undefined) return;
    const ended = this.#stop(service, definition.endsWhenDisabled ? 0 : undefined);
    if (service.numbers.running === 0) {
      this.#tellRemoved(service);
      return;
    }
    const leaving: Leaving = { service, cancel: () => {} };
    this.#leaving.set(service.service_id, leaving);
    this.#tell({ kind: "trees" });
    ended.then(() => {
      if (this.#leaving.get(service.service_id) !== leaving) return;
      leaving.cancel = this.#deps.clock.after(LINGER_MS, () => this.#leave(leaving));
    });
  }

  #leave({ service, cancel }: Leaving): void {
    cancel();
    this.#leaving.delete(service.service_id);
    this.#tellRemoved(service);
    this.#tell({ kind: "trees" });
  }

  #stop(service: Service, graceMs?: number): Promise<void> {
    const done = service.stop(graceMs).finally(() => this.#stopping.delete(done));
    this.#stopping.add(done);
    this.#tell({ kind: "trees" });
    return done;
  }

  #tellRemoved(service: Service): void {
    this.#tell({ kind: "removed", service_id: service.service_id, snapshot: service.snapshot() });
  }

  #leavingServices(): Service[] {
    return [...this.#leaving.values()].map(({ service }) => service);
  }

  #find(service_id: string): Registration {
    const registration = this.#registrations.get(service_id);
    if (registration !== undefined) return registration;
    throw new ZssError("service_not_found", `Cannot find service "${service_id}": the node has no such service`);
  }

  #tell(change: HostChange): void {
    if (this.#held !== undefined) {
      this.#held.set("service_id" in change ? `${change.kind} ${change.service_id}` : change.kind, change);
      return;
    }
    for (const listener of [...this.#listeners]) listener(change);
  }
}
