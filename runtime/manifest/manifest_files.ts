/**
 * Finds manifests on the machine and reads them, with a limit and as text.
 *
 * Uses the runtime's own calls and nothing of node:, which would double the time
 * that the linter takes for one file.
 *
 * @module
 */

/** Largest manifest that is read, in bytes. */
export const MAX_MANIFEST_BYTES = 262_144;

/** How much is asked for at first: a read costs by what is asked for, and most manifests are small. */
const FIRST_BYTES = 8192;

/** A clause that says why a path could not be read. */
export interface Problem {
  readonly problem: string;
}

/** Names of manifests. */
export function isManifestName(name: string): boolean {
  return name.endsWith(".json") || name.endsWith(".jsonc");
}

/** Whether a path is a folder; false for what is not there. */
export function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/**
 * Whether somebody has taken a folder away: it is not there, and whatever should hold it is.
 *
 * A link that leads nowhere, and a folder in a place that cannot be looked at, may come back by themselves.
 */
export function isTakenAway(folder: string): boolean {
  try {
    Deno.lstatSync(folder);
    return false;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return false;
  }
  const parent = folder.replace(/[\\/]+$/, "").replace(/[^\\/]+$/, "");
  try {
    Deno.readDirSync(parent === "" ? "." : parent)[Symbol.iterator]().next();
    return true;
  } catch {
    return false;
  }
}

/** A manifest in a folder. */
export interface ListedFile {
  readonly file: string;
  /** Whether it is known to be a file and no link, pipe or device. */
  readonly isPlain: boolean;
}

/** The manifests directly inside a folder, sorted by name; a link counts as what it leads to. */
export function manifestsIn(folder: string): readonly ListedFile[] | Problem {
  try {
    const names: string[] = [];
    const unclear = new Set<string>();
    for (const { name, isFile, isDirectory, isSymlink } of Deno.readDirSync(folder)) {
      if (!isManifestName(name) || isDirectory) continue;
      // A link that leads nowhere is kept, so that somebody says so.
      if (isSymlink && isFolder(join(folder, name))) continue;
      names.push(name);
      if (!isFile) unclear.add(name);
    }
    const prefix = join(folder, "");
    return names.sort().map((name) => ({ file: prefix + name, isPlain: !unclear.has(name) }));
  } catch (error) {
    return { problem: `the folder cannot be listed: ${reasonOf(error)}` };
  }
}

/** Reads manifests one after the other, through one buffer. */
export class ManifestReader {
  readonly #buffer = new Uint8Array(MAX_MANIFEST_BYTES + 1);
  readonly #first = this.#buffer.subarray(0, FIRST_BYTES);
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  /**
   * The text of a file, its byte-order mark included.
   *
   * @param isPlain Whether it is known to be a file. What is not, is asked first: opening a pipe could wait for ever.
   */
  read(path: string, isPlain = false): string | Problem {
    try {
      if (!isPlain) {
        const { isFile, isDirectory } = Deno.statSync(path);
        if (!isFile) return { problem: isDirectory ? "it is a folder" : "it is no file" };
      }
      using file = Deno.openSync(path);
      let length = file.readSync(this.#first) ?? 0;
      // A file gives what it has at once; only a larger one than asked for has more.
      while (length >= FIRST_BYTES && length < this.#buffer.length) {
        const more = file.readSync(this.#buffer.subarray(length)) ?? 0;
        if (more === 0) break;
        length += more;
      }
      return this.decode(this.#buffer.subarray(0, length));
    } catch (error) {
      return { problem: reasonOf(error) };
    }
  }

  /** The text that bytes are. */
  decode(bytes: Uint8Array): string | Problem {
    if (bytes.length > MAX_MANIFEST_BYTES) return { problem: `it has more than ${MAX_MANIFEST_BYTES} bytes` };
    try {
      return this.#decoder.decode(bytes);
    } catch {
      return { problem: "it is not UTF-8 text" };
    }
  }
}

function join(folder: string, name: string): string {
  return /[/\\]$/.test(folder) ? folder + name : `${folder}/${name}`;
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "it is not there";
  if (error instanceof Deno.errors.PermissionDenied) return "it may not be read";
  if (error instanceof Deno.errors.FilesystemLoop) return "its links lead in a circle";
  if (error instanceof Deno.errors.NotADirectory) return "a part of its path is no folder";
  return error instanceof Error ? error.message : String(error);
}
