/**
 * What makes one version of a manifest differ from another.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { canonicalText } from "../../control/catalog/canonical.ts";

/**
 * A text that is equal for two manifests exactly when they say the same.
 *
 * White space, comments, the order of keys and defaults that are written out
 * make no difference when the manifest was parsed before; every member does,
 * also one that only its own node sees. The files that a manifest names are not
 * looked at.
 */
export function fingerprint(manifest: unknown): string {
  return createHash("sha256").update(canonicalText(manifest)).digest("base64url");
}
