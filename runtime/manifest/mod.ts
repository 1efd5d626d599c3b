/**
 * Service manifests: reading, checking, loading.
 *
 * @module
 */

export { lintFiles, type LintOutcome, type LintRequest } from "./lint_files.ts";
export { DEFAULT_NODE_ID, lintManifest, type ManifestReading, type ManifestSource, readManifest } from "./lint.ts";
export { type LoadedManifest, loadManifests, type LoadOptions, type LoadResult } from "./load.ts";
export { MAX_MANIFEST_BYTES } from "./manifest_files.ts";
export type { RuleInfo, SetMember } from "./rule.ts";
export { allRules } from "./rules/mod.ts";
export { type Manifest, manifestSchema, type ServiceManifest, timeoutOf, toDescriptor } from "./schema.ts";
export { builtInMembers } from "./set_member.ts";
export { expand } from "./template.ts";
