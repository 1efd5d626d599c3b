/**
 * Service manifests: reading, checking, loading.
 *
 * @module
 */

export { lintManifest, type ManifestReading, type ManifestSource, readManifest } from "./lint.ts";
export { type LoadedManifest, loadManifests, type LoadOptions, type LoadResult, MAX_MANIFEST_BYTES } from "./load.ts";
export { type Manifest, manifestSchema, type ServiceManifest, timeoutOf, toDescriptor } from "./schema.ts";
export { expand } from "./template.ts";
