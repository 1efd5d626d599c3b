/**
 * The request that publishes a catalog, and what it makes of the one held.
 *
 * @module
 */

import { z } from "zod";
import { requests } from "../protocol/ops.ts";
import {
  labelSet,
  MAX_SERVICES_PER_NODE,
  type Platform,
  platformUpdate,
  type ServiceDescriptor,
  serviceDescriptor,
} from "./descriptor.ts";

/** Schema of `node_service_upsert`. Everything is checked before anything is applied. */
export const upsertRequest = requests.node_service_upsert.extend({
  platform: platformUpdate.optional(),
  labels: labelSet.optional(),
  services: z.array(serviceDescriptor).max(MAX_SERVICES_PER_NODE, `must hold at most ${MAX_SERVICES_PER_NODE} services`)
    .superRefine((services, context) => {
      const first = new Map<string, number>();
      services.forEach((service, index) => {
        const earlier = first.get(service.service_id);
        if (earlier === undefined) first.set(service.service_id, index);
        else {
          context.addIssue({
            code: "custom",
            path: [index, "service_id"],
            message: `"${service.service_id}" is taken by entry ${earlier} of the same catalog`,
          });
        }
      });
    }).optional(),
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

/** The catalog after a request: platform merges, labels and services are replaced whole, absent parts are kept. */
export function applyUpsert(held: Catalog, request: UpsertRequest): Catalog {
  return {
    platform: {
      os: request.platform?.os ?? held.platform.os,
      arch: request.platform?.arch ?? held.platform.arch,
      runtime_kind: request.platform?.runtime_kind ?? held.platform.runtime_kind,
    },
    labels: request.labels ?? held.labels,
    services: request.services ?? held.services,
  };
}
