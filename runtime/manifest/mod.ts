/**
 * Service manifests: reading, checking, loading.
 *
 * @module
 */

export { explainField, type FieldExplanation, nearestTopic, rootMembers } from "./explain.ts";
export { formatManifest } from "./format.ts";
export { manifestJsonSchema } from "./json_schema.ts";
export { lintFiles, type LintOutcome, type LintRequest } from "./lint_files.ts";
export { DEFAULT_NODE_ID, lintManifest, type ManifestReading, type ManifestSource, readManifest } from "./lint.ts";
export {
  type LoadedManifest,
  loadManifests,
  type LoadOptions,
  type LoadResult,
  ManifestSet,
  SETTLE_MS,
} from "./load.ts";
export { isFolder, isManifestName, ManifestReader, manifestsIn, MAX_MANIFEST_BYTES } from "./manifest_files.ts";
export { createMachineProbe } from "./machine_probe.ts";
export type { MachineProbe, RuleInfo, SetMember } from "./rule.ts";
export { maskSecrets } from "./rules/_secrets.ts";
export { allRules } from "./rules/mod.ts";
export { type Manifest, manifestSchema, type ServiceManifest, timeoutOf, toDescriptor } from "./schema.ts";
export { isStarterType, starterManifest, starterTypes } from "./starters.ts";
export { builtInMembers } from "./set_member.ts";
export { expand } from "./template.ts";
