/**
 * Copies files and folders from one place to another.
 *
 * @module
 */

import { ZssError } from "../../control/protocol/errors.ts";
import { usageError } from "../errors.ts";
import type { Found, Side } from "./sides.ts";
import { nameOf } from "./with_tree.ts";

/** A file or folder in one of the places. */
export interface Place {
  readonly side: Side;
  readonly path: string;
}

/** Hears how a copy goes. */
export interface CopyListener {
  /** A file begins. */
  begin(path: string): void;
  /** So many bytes of it are copied. */
  progress(path: string, done: number, total: number): void;
  /** It is there, whole. */
  end(path: string, bytes: number): void;
}

/** What was copied. */
export interface Copied {
  files: number;
  directories: number;
  bytes: number;
}

/**
 * Copies sources to a target as `cp` does: into it when it is a folder, under its name otherwise.
 *
 * @throws {ZssError} `usage` for a folder without `recursive`, and for several sources that do not go into a folder;
 * `short_copy` when a file ends before the size that was promised; what the places throw.
 */
export async function copyAll(
  sources: readonly Place[],
  target: Place,
  recursive: boolean,
  listener: CopyListener,
): Promise<Copied> {
  const copied: Copied = { files: 0, directories: 0, bytes: 0 };
  const there = await target.side.look(target.path);
  if (sources.length > 1 && there?.kind !== "dir") {
    throw usageError(`Cannot copy ${sources.length} sources to "${target.path}": it is no directory`);
  }
  for (const source of sources) {
    const found = await source.side.look(source.path);
    if (found === undefined) {
      throw new ZssError("enoent", `Cannot copy "${source.path}": no such file or directory`);
    }
    if (found.kind === "dir" && !recursive) {
      throw usageError(`Cannot copy "${source.path}": it is a directory`, "add -r to copy it with what is in it");
    }
    const name = nameOf(source.path.replace(/[/\\]+$/, "").replaceAll("\\", "/"));
    const path = there?.kind === "dir" && name !== "" ? target.side.child(target.path, name) : target.path;
    await copyOne(source, found, { side: target.side, path }, listener, copied);
  }
  return copied;
}

async function copyOne(
  source: Place,
  found: Found,
  target: Place,
  listener: CopyListener,
  copied: Copied,
): Promise<void> {
  if (found.kind === "file") {
    await copyFile(source, found, target, listener);
    copied.files++;
    copied.bytes += found.size;
    return;
  }
  const there = await target.side.look(target.path);
  if (there?.kind === "file") {
    throw new ZssError("enotdir", `Cannot copy "${source.path}" to "${target.path}": a file is in the way`);
  }
  // Read before it is made: a folder that is copied into itself does not hold itself.
  const names = await source.side.names(source.path);
  if (there === undefined) await target.side.mkdir(target.path);
  copied.directories++;
  for (const name of names) {
    const from = { side: source.side, path: source.side.child(source.path, name) };
    const child = await from.side.look(from.path);
    // It has gone since it was listed.
    if (child === undefined) continue;
    await copyOne(from, child, { side: target.side, path: target.side.child(target.path, name) }, listener, copied);
  }
}

async function copyFile(source: Place, found: Found, target: Place, listener: CopyListener): Promise<void> {
  listener.begin(source.path);
  let done = 0;
  async function* counted() {
    for await (const piece of source.side.read(source.path)) {
      done += piece.length;
      yield piece;
      listener.progress(source.path, done, found.size);
    }
    if (done === 0) yield new Uint8Array(0);
    if (done < found.size) {
      throw new ZssError(
        "short_copy",
        `Cannot copy "${source.path}": it ended after ${done} of ${found.size} bytes`,
        { hint: "it was changed meanwhile; try again" },
      );
    }
  }
  await target.side.write(target.path, counted());
  listener.end(source.path, done);
}
