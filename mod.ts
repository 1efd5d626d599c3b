/**
 * zss as a library: manifests, the driver contract, catalog deltas, a client.
 *
 * The program `zss` is built from the same parts; this is what other programs
 * may rely on.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { diffCatalogs, readManifest } from "./mod.ts";
 *
 * const { manifest, findings } = readManifest({ file: "echo.json", text: '{"service_id":"echo","kind":"echo"}' });
 * assert.deepEqual(findings, []);
 * assert.equal(manifest?.version, "1");
 *
 * const delta = diffCatalogs([], [{ service_id: "echo", version: "1", hash: "0x1" }], 1_700_000_000_000);
 * assert.equal(delta.added.length, 1);
 * ```
 *
 * @module
 */

export {
  expand,
  lintManifest,
  type LoadedManifest,
  loadManifests,
  type LoadOptions,
  type LoadResult,
  type Manifest,
  type ManifestReading,
  manifestSchema,
  type ManifestSource,
  readManifest,
  type ServiceManifest,
  toDescriptor,
} from "./runtime/manifest/mod.ts";
export type {
  Driver,
  FailureReason,
  HealthReport,
  Invocation,
  InvokeFailure,
  InvokeResult,
  InvokeSuccess,
  RuntimeType,
} from "./drivers/mod.ts";
export {
  type DeltaEntry,
  diffCatalogs,
  type ServiceDelta,
  type ServiceDescriptor,
  serviceDigest,
} from "./control/catalog/mod.ts";
export {
  type ConnectOptions,
  ControlConnection,
  FsClient,
  type FsClientOptions,
  type InvokeOptions,
  type InvokeOutcome,
  type PushedFrame,
  type ServiceName,
  type TreeEntry,
  type TreeWriteOptions,
  watchCatalog,
  type WatchCatalogOptions,
  type WatchItem,
  type WatchPosition,
  WorldTree,
  type WorldTreeOptions,
} from "./control/client/mod.ts";
export { type Diagnostic, FsError, parseJson, stringifyJson, ZssError } from "./control/protocol/mod.ts";
