/**
 * Copies files and folders from one place to another.
 *
 * @module
 */

import { ZssError } from "../../control/protocol/errors.ts";
import { usageError } from "../errors.ts";
import { type Found, isSameFile, mayBeSame, type Side } from "./sides.ts";
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

/** Where a copy goes. */
export interface Target extends Place {
  /** Whether it was written as the path of a folder, with a slash at its end. */
  readonly isFolder?: boolean;
}

/** What was copied. */
export interface Copied {
  files: number;
  directories: number;
  bytes: number;
  /** Symbolic links that were left out. */
  links: number;
  /** Paths on this machine of what was left out because it is no file (a pipe, a socket) or has a name that is no UTF-8. */
  readonly left_out: string[];
  /** What is in a folder and could not be read, or not be named where it was to go. */
  readonly failed: { readonly path: string; readonly message: string }[];
}

/**
 * Copies sources to a target as `cp` does: into it when it is a folder, under its name otherwise.
 *
 * Links are followed where they are named, and left out below. What cannot be read below is noted, and the rest copied.
 * Nothing is copied when two sources would get one name.
 *
 * @throws {ZssError} `same_file` for a file that would be copied onto itself, and for a folder into one below it;
 * `usage` for a folder without `recursive`, and for several sources that do not go into a folder, or would get one name
 * there; `enotdir` for a file that would get the name of a folder that is not there; `short_copy` when a file ends
 * before the size that was promised; what the places throw.
 */
export async function copyAll(
  sources: readonly Place[],
  target: Target,
  recursive: boolean,
  listener: CopyListener,
): Promise<Copied> {
  const copied: Copied = { files: 0, directories: 0, bytes: 0, links: 0, left_out: [], failed: [] };
  const there = await target.side.look(target.path);
  if (sources.length > 1 && there?.kind !== "dir") {
    throw usageError(`Cannot copy ${sources.length} sources to "${target.path}": it is no directory`);
  }
  const plan = sources.map((source) => ({ source, path: pathWithin(source, target, there) }));
  requireOwnNames(plan, target);
  for (const { source, path } of plan) {
    const found = await source.side.look(source.path);
    if (found === undefined) {
      throw new ZssError("enoent", `Cannot copy "${source.path}": no such file or directory`);
    }
    if (found.kind === "dir" && !recursive) {
      throw usageError(`Cannot copy "${source.path}": it is a directory`, "add -r to copy it with what is in it");
    }
    if (found.kind === "file" && target.isFolder === true && there?.kind !== "dir") {
      throw new ZssError("enotdir", `Cannot copy "${source.path}" to "${target.path}": it is no directory`, {
        hint: "make it first, or leave out the slash at its end",
      });
    }
    const to = { side: target.side, path };
    const known = found.kind === "dir" ? await requireOutside(source, found, to) : undefined;
    await copyOne(source, found, to, { listener, copied, known, unread: new WeakSet() });
  }
  return copied;
}

/** What a source becomes: the target, or below the folder that this is. */
function pathWithin(source: Place, target: Place, there: Found | undefined): string {
  const name = nameOf(source.path.replace(/[/\\]+$/, "").replaceAll("\\", "/"));
  const isWithin = there?.kind === "dir" && !["", ".", ".."].includes(name);
  return isWithin ? target.side.child(target.path, name) : target.path;
}

/** Refuses two sources of which the one would replace the other. Several may pour what they hold into the target. */
function requireOwnNames(plan: readonly { readonly source: Place; readonly path: string }[], target: Place): void {
  const taken = new Map<string, string>();
  for (const { source, path } of plan) {
    const other = taken.get(path);
    if (other === source.path) throw usageError(`Cannot copy "${source.path}": it is named twice`);
    if (other !== undefined) {
      throw usageError(
        `Cannot copy "${source.path}" to "${path}": it would replace the copy of "${other}"`,
        "nothing was copied; copy them one at a time, each to a name of its own",
      );
    }
    if (path !== target.path) taken.set(path, source.path);
  }
}

/** One copy of all that is below a source. */
interface Run {
  readonly listener: CopyListener;
  readonly copied: Copied;
  /** The folders below the source before anything was made, where one that is made could be taken for one of them. */
  readonly known: ReadonlySet<string> | undefined;
  /** Errors of the source, which do not keep anything else from being copied. */
  readonly unread: WeakSet<object>;
  /** The folder that all goes into. */
  top?: Place;
  topFound?: Found | undefined;
}

/** Whether a folder below the source is the one that all goes into. */
async function isTop(child: Found, { top, topFound }: Run): Promise<boolean> {
  if (top === undefined || topFound === undefined) return false;
  if (isSameFile(child, topFound)) return true;
  // By another way a folder is known by its time also, which every file that is made in it changes.
  const now = mayBeSame(child, topFound) ? await top.side.look(top.path) : undefined;
  return now !== undefined && isSameFile(child, now);
}

async function copyOne(
  source: Place,
  found: Found,
  target: Place,
  run: Run,
): Promise<void> {
  const { copied } = run;
  const there = await target.side.look(target.path);
  if (there !== undefined && isSameFile(found, there)) {
    throw new ZssError("same_file", `Cannot copy "${source.path}" to "${target.path}": they are the same file`);
  }
  if (found.kind === "file") {
    if (there?.kind === "dir") {
      throw new ZssError("eisdir", `Cannot copy "${source.path}" to "${target.path}": a directory is in the way`);
    }
    await copyFile(source, found, target, run);
    copied.files++;
    copied.bytes += found.size;
    return;
  }
  if (there?.kind === "file") {
    throw new ZssError("enotdir", `Cannot copy "${source.path}" to "${target.path}": a file is in the way`);
  }
  const { names, links, others = [] } = await ofSource(run, () => source.side.children(source.path));
  copied.links += links;
  copied.left_out.push(...others.map((name) => `${source.path.replace(/[/\\]+$/, "")}/${name}`));
  if (there === undefined) await target.side.mkdir(target.path);
  // The first one that is copied to: it must not come up again as something to copy.
  run.top ??= target;
  run.topFound ??= await target.side.look(target.path);
  copied.directories++;
  for (const name of names) {
    try {
      await copyChild(source, name, target, run);
    } catch (error) {
      if (!(error instanceof ZssError) || !run.unread.has(error)) throw error;
      copied.failed.push({ path: `${source.path.replace(/\/+$/, "")}/${name}`, message: error.message });
    }
  }
}

async function copyChild(source: Place, name: string, target: Place, run: Run): Promise<void> {
  const [path, to] = await ofSource(
    run,
    () => [source.side.child(source.path, name), target.side.child(target.path, name)],
  );
  const from = { side: source.side, path };
  const child = await ofSource(run, () => from.side.look(from.path));
  // It has gone since it was listed.
  if (child === undefined) return;
  if (child.isLink === true) {
    run.copied.links++;
    return;
  }
  if (child.kind === "dir") {
    if (await isTop(child, run)) throw intoItself(from.path, target.path);
    if (run.known?.has(from.path) === false) return;
  }
  await copyOne(from, child, { side: target.side, path: to }, run);
}

/** Looks at the source, and notes when it refuses a single file; one that is not there any more refuses them all. */
async function ofSource<Value>({ unread }: Run, look: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof ZssError && isOfOneFile(error)) unread.add(error);
    throw error;
  }
}

function isOfOneFile({ code, cause }: ZssError): boolean {
  if (["eperm", "enoent", "unsafe_name"].includes(code)) return true;
  return code === "io" && cause instanceof Error && "code" in cause &&
    ["EACCES", "EPERM", "ENOENT"].includes(`${cause.code}`);
}

/**
 * Refuses to copy a folder into one below it, before anything is made.
 *
 * @returns The folders below the source, where only that keeps the copy from going on in what it makes.
 */
async function requireOutside(source: Place, found: Found, target: Place): Promise<ReadonlySet<string> | undefined> {
  let deepest: Found | undefined;
  for (const path of await target.side.above(target.path)) {
    const one = await target.side.look(path).catch(() => undefined);
    // What is not there yet has nothing in it; a way that cannot be looked at is not the source, which could be.
    if (one === undefined) continue;
    if (isSameFile(found, one)) throw intoItself(source.path, target.path);
    deepest = one;
  }
  // On this machine the way to the target is known as it is. In the tree a link, or a folder that is exported for
  // itself, may lead into the source past its name; then only the source knows.
  if (target.side.knowsWay || deepest === undefined) return undefined;
  const known = new Set<string>();
  const waiting = [source.path];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    // What cannot be listed is refused, or passed over, when its turn comes.
    for (const one of await source.side.folders(at).catch(() => [])) {
      if (isSameFile(one.found, deepest)) throw intoItself(source.path, target.path);
      known.add(one.path);
      waiting.push(one.path);
    }
  }
  // Two nodes may serve one folder, and nothing says so.
  return mayBeSame(found, deepest) ? undefined : known;
}

function intoItself(source: string, target: string): ZssError {
  return new ZssError("same_file", `Cannot copy "${source}" to "${target}": it would be copied into itself`, {
    hint: "copy it to a folder that is not below it",
  });
}

async function copyFile(source: Place, found: Found, target: Place, run: Run): Promise<void> {
  const { listener } = run;
  listener.begin(source.path);
  let done = 0;
  async function* counted() {
    const pieces = source.side.read(source.path)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await ofSource(run, () => pieces.next());
        if (next.done === true) break;
        done += next.value.length;
        yield next.value;
        listener.progress(source.path, done, found.size);
      }
    } finally {
      await pieces.return?.();
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
