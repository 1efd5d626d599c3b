/**
 * Keeps what rules a node out of the folders that it serves.
 *
 * Whoever may write a manifest runs programs as the user of the node, and
 * whoever may read the state file can pass for the node. So neither may be
 * reached through an export, whichever path leads there.
 *
 * @module
 */

import { realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ZssError } from "../../control/protocol/mod.ts";
import { isWithin } from "./confine.ts";
import type { ExportSpec } from "./parse_export.ts";

/** Where a node keeps what it is and what it runs. Relative paths are those of the working directory. */
export interface OwnFiles {
  readonly manifestDirs: readonly string[];
  readonly manifestFiles: readonly string[];
  readonly stateFiles: readonly string[];
}

/**
 * Refuses exports through which a manifest could be written, or the state read or written.
 *
 * Compares real paths, both where a name stands and where it leads to; a file that is not there yet counts.
 *
 * @throws {ZssError} `invalid_export`, with both paths.
 */
export async function requireApart(exports: readonly ExportSpec[], own: OwnFiles): Promise<void> {
  if (exports.length === 0) return;
  const [dirs, manifests, states] = await Promise.all([
    placesOf(own.manifestDirs),
    placesOf(own.manifestFiles),
    placesOf(own.stateFiles),
  ]);
  for (const { name, path, mode } of exports) {
    const root = await realPlace(path);
    const refuse = (what: string, wanted: string, hint: string) =>
      new ZssError("invalid_export", `Cannot export "${name}" (${root}): ${what} ${wanted}`, { hint });
    const state = states.find((place) => isWithin(root, place));
    if (state !== undefined) {
      throw refuse(
        `it holds the state file "${state}"`,
        "with the secret of the node, which nobody else may have",
        "export a folder of its own, or put the state file elsewhere with --state-file",
      );
    }
    if (mode === "ro") continue;
    const hint = "export a folder of its own, end the export in :ro, or put the manifests elsewhere";
    const manifest = manifests.find((place) => isWithin(root, place));
    if (manifest !== undefined) throw refuse(`it holds the manifest "${manifest}"`, WHO_WRITES, hint);
    const dir = dirs.find((place) => isWithin(root, place) || isWithin(place, root));
    if (dir !== undefined) {
      const relation = isWithin(root, dir) ? (root === dir ? "it is" : "it holds") : "it lies in";
      throw refuse(`${relation} the folder of manifests "${dir}"`, WHO_WRITES, hint);
    }
  }
}

const WHO_WRITES = "and can be written: whoever may do that could run programs as the user of the node";

/** The places of a path: where its name stands, and where that leads to. */
async function placesOf(paths: readonly string[]): Promise<readonly string[]> {
  const places = await Promise.all(paths.flatMap((path) => [nameOf(path), realPlace(path)]));
  return [...new Set(places)];
}

async function nameOf(path: string): Promise<string> {
  const full = resolve(path);
  const above = dirname(full);
  return above === full ? full : join(await realPlace(above), basename(full));
}

/** The path without links, as far as it is there. */
async function realPlace(path: string): Promise<string> {
  const full = resolve(path);
  try {
    return await realpath(full);
  } catch {
    const above = dirname(full);
    return above === full ? full : join(await realPlace(above), basename(full));
  }
}
