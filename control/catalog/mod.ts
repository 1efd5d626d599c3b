/**
 * The catalog of a node: entries, digest, difference.
 *
 * @module
 */

export { canonicalText } from "./canonical.ts";
export { catalogText } from "./catalog_text.ts";
export { changedLeaves, type FieldChange } from "./changes.ts";
export { type DeltaEntry, diffCatalogs, type ServiceDelta, type UpdatedEntry } from "./delta.ts";
export {
  MAX_HELP_BYTES,
  MAX_SERVICES_PER_NODE,
  type Platform,
  type ServiceDescriptor,
  serviceDescriptor,
  type ServiceDescriptorInput,
} from "./descriptor.ts";
export { deltaEntry, serviceDigest } from "./digest.ts";
export { sameValue } from "./same_value.ts";
export { applyUpsert, type Catalog, emptyCatalog, readServices, type UpsertRequest, upsertRequest } from "./upsert.ts";
