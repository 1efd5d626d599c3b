/**
 * The digest of a catalog entry: what makes two entries the same.
 *
 * SHA-256 over the canonical text, cut to 8 bytes: the reference's shape (`0x`
 * and 16 hexadecimal digits) with a hash that does not depend on the order of
 * keys. Clients treat it as opaque.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { canonicalText } from "./canonical.ts";
import type { DeltaEntry } from "./delta.ts";
import type { ServiceDescriptor } from "./descriptor.ts";

// Entries are immutable once parsed, so the digest of one need not be computed twice.
const digests = new WeakMap<ServiceDescriptor, string>();

/** An entry as deltas name it. */
export function deltaEntry(service: ServiceDescriptor): DeltaEntry {
  return { service_id: service.service_id, version: service.version, hash: serviceDigest(service) };
}

/** Digest of one entry, for example `0x23fef58cde7f263f`. Computed once per object. */
export function serviceDigest(service: ServiceDescriptor): string {
  const known = digests.get(service);
  if (known !== undefined) return known;
  const digest = `0x${createHash("sha256").update(canonicalText(service)).digest("hex").slice(0, 16)}`;
  digests.set(service, digest);
  return digest;
}
