/**
 * The request that publishes a catalog, and what it makes of the one held.
 *
 * @module
 */

import { z } from "zod";
import { isObject, parsePayload } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import { requests } from "../protocol/ops.ts";
import {
  labelSet,
  MAX_SERVICES_PER_NODE,
  type Platform,
  platformUpdate,
  type ServiceDescriptor,
  serviceDescriptor,
} from "./descriptor.ts";
import { sameValue } from "./same_value.ts";

/** Schema of `node_service_upsert`. The entries of `services` are read by {@linkcode readServices}. */
export const upsertRequest = requests.node_service_upsert.extend({
  platform: platformUpdate.optional(),
  labels: labelSet.optional(),
  services: z.array(z.unknown()).max(MAX_SERVICES_PER_NODE, `must hold at most ${MAX_SERVICES_PER_NODE} services`)
    .optional(),
});

/** A checked request. */
export type UpsertRequest = z.output<typeof upsertRequest>;

/** What a node has said about itself and its services. */
export interface Catalog {
  readonly platform: Platform;
  readonly labels: Readonly<Record<string, string>>;
  readonly services: readonly ServiceDescriptor[];
}

/** The catalog of a node that has not published yet. */
export const emptyCatalog: Catalog = {
  platform: { os: "unknown", arch: "unknown", runtime_kind: "unknown" },
  labels: {},
  services: [],
};

/** What was published, whole: only for the words about what is wrong with it. */
const publishedServices = z.object({ services: z.array(serviceDescriptor) });

/**
 * Reads the services of a request.
 *
 * An entry that says what is held already is taken from there unread: it was
 * checked when it came, and what is known of it (its digest, its text) stays
 * known. So a catalog costs what has changed of it.
 *
 * @throws {ZssError} `invalid_payload` with the JSON pointer of the first place at fault.
 */
export function readServices(held: readonly ServiceDescriptor[], published: readonly unknown[]): ServiceDescriptor[] {
  const heldById = new Map(held.map((service) => [service.service_id, service]));
  const first = new Map<string, number>();
  return published.map((entry, index) => {
    const service = readService(heldById, published, entry);
    const earlier = first.get(service.service_id);
    if (earlier !== undefined) {
      throw new ZssError(
        "invalid_payload",
        `Cannot run node_service_upsert: services/${index}/service_id "${service.service_id}" is taken by entry ` +
          `${earlier} of the same catalog`,
        { path: `/services/${index}/service_id`, hint: "give each service an id of its own" },
      );
    }
    first.set(service.service_id, index);
    return service;
  });
}

function readService(
  heldById: ReadonlyMap<string, ServiceDescriptor>,
  published: readonly unknown[],
  entry: unknown,
): ServiceDescriptor {
  const id = isObject(entry) ? entry["service_id"] : undefined;
  const held = typeof id === "string" ? heldById.get(id) : undefined;
  if (held !== undefined && sameValue(entry, held)) return held;
  const { success, data } = serviceDescriptor.safeParse(entry);
  if (!success) {
    parsePayload(publishedServices, { services: published }, "node_service_upsert");
    throw new TypeError("An entry that is refused alone was accepted with the others");
  }
  return held !== undefined && sameValue(data, held) ? held : data;
}

/**
 * The catalog after a request: platform merges, labels and services are
 * replaced whole, absent parts are kept.
 *
 * @throws {ZssError} `invalid_payload` for a service that is out of order.
 */
export function applyUpsert(held: Catalog, request: UpsertRequest): Catalog {
  return {
    platform: {
      os: request.platform?.os ?? held.platform.os,
      arch: request.platform?.arch ?? held.platform.arch,
      runtime_kind: request.platform?.runtime_kind ?? held.platform.runtime_kind,
    },
    labels: request.labels ?? held.labels,
    services: request.services === undefined ? held.services : readServices(held.services, request.services),
  };
}
