/**
 * Which id stands for which file of an exported folder.
 *
 * An id is the file's inode number where that is free, so it is mostly the same
 * after a restart. A file is known by its device and inode, and its place by
 * its parent and name: when a directory turns up under another name, everything
 * below it has moved with it.
 *
 * Nothing here touches the machine; the folder says what it saw.
 *
 * @module
 */

const ID_MASK = (1n << 48n) - 1n;

/** What tells one file from another, as the file system says it. */
export interface Identity {
  readonly dev: bigint;
  /** 0 where the file system has none; then a file is known by its place. */
  readonly ino: bigint;
}

/** A file that was seen. */
export interface KnownFile {
  readonly id: bigint;
  readonly identity: Identity;
  /** The directory that it is in; `undefined` for the root. */
  readonly parent: KnownFile | undefined;
  readonly name: string;
  /** What its content and attributes were when somebody was told of them last, as a text that changes with them. */
  seen: string | undefined;
}

interface Entry extends KnownFile {
  parent: Entry | undefined;
  name: string;
  readonly key: string;
  readonly children: Map<string, Entry>;
}

/** Whether two looks saw the same file. */
export function isSameFile(one: Identity, other: Identity): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

/** The files that a folder has shown. */
export class FileIds {
  readonly root: KnownFile;
  readonly #byId = new Map<bigint, Entry>();
  readonly #byKey = new Map<string, Entry>();
  /** Files whose place another file has taken; a listing shows whether they have found a new one. */
  readonly #displaced = new Set<Entry>();

  constructor(root: Identity) {
    this.root = this.#add(root, undefined, "");
  }

  /** How many files are known. */
  get size(): number {
    return this.#byId.size;
  }

  /** A file by its id; undefined for an id that was never given out, or whose file is gone. */
  find(id: bigint): KnownFile | undefined {
    return this.#byId.get(id);
  }

  /** The names from the root down to a file. */
  steps(file: KnownFile): string[] {
    const steps: string[] = [];
    for (let at = file; at.parent !== undefined; at = at.parent) steps.unshift(at.name);
    return steps;
  }

  /**
   * Notes that a file was seen as `name` in `parent`.
   *
   * @returns Undefined when `parent` is below the file itself (a mount that shows a directory inside itself): such a
   * place has no end and cannot be shown.
   */
  learn(parent: KnownFile, name: string, identity: Identity): KnownFile | undefined {
    const above = this.#byId.get(parent.id);
    if (above === undefined) return undefined;
    const known = this.#byKey.get(keyOf(identity, above, name));
    if (known === undefined) return this.#add(identity, above, name);
    for (let at: Entry | undefined = above; at !== undefined; at = at.parent) if (at === known) return undefined;
    if (known.parent !== above || known.name !== name) {
      if (known.parent?.children.get(known.name) === known) known.parent.children.delete(known.name);
      known.parent = above;
      known.name = name;
    }
    this.#place(known, above);
    return known;
  }

  /** The file that was last seen at the end of these names from the root down. */
  at(steps: readonly string[]): KnownFile | undefined {
    let entry = this.#byId.get(this.root.id);
    for (const step of steps) entry = entry?.children.get(step);
    return entry;
  }

  /** The file that was last seen as `name` in a directory. */
  child(directory: KnownFile, name: string): KnownFile | undefined {
    return this.#byId.get(directory.id)?.children.get(name);
  }

  /** Forgets the file that was last seen as `name` in a directory, with all below it. */
  forgetAt(directory: KnownFile, name: string): void {
    const entry = this.#byId.get(directory.id)?.children.get(name);
    if (entry !== undefined) this.#forget(entry);
  }

  /**
   * Forgets what was known in a directory and is not among `names` any more, with all below it.
   *
   * To be called after the files that are there were learnt, so that what has only moved is kept.
   */
  keepOnly(directory: KnownFile, names: ReadonlySet<string>): void {
    const entry = this.#byId.get(directory.id);
    if (entry === undefined) return;
    for (const [name, child] of entry.children) if (!names.has(name)) this.#forget(child);
    for (const child of this.#displaced) if (child.parent?.children.get(child.name) !== child) this.#forget(child);
    this.#displaced.clear();
  }

  #add(identity: Identity, parent: Entry | undefined, name: string): Entry {
    let id = identity.ino & ID_MASK;
    while (id === 0n || this.#byId.has(id)) id = (id + 1n) & ID_MASK;
    const entry: Entry = {
      id,
      identity,
      parent,
      name,
      key: keyOf(identity, parent, name),
      children: new Map(),
      seen: undefined,
    };
    this.#byId.set(id, entry);
    this.#byKey.set(entry.key, entry);
    if (parent !== undefined) this.#place(entry, parent);
    return entry;
  }

  #place(entry: Entry, parent: Entry): void {
    const before = parent.children.get(entry.name);
    if (before === entry) return;
    if (before !== undefined) this.#displaced.add(before);
    parent.children.set(entry.name, entry);
  }

  #forget(entry: Entry): void {
    if (entry.parent?.children.get(entry.name) === entry) entry.parent.children.delete(entry.name);
    const gone = [entry];
    for (let next = gone.pop(); next !== undefined; next = gone.pop()) {
      this.#byId.delete(next.id);
      this.#byKey.delete(next.key);
      this.#displaced.delete(next);
      gone.push(...next.children.values());
    }
  }
}

function keyOf(identity: Identity, parent: KnownFile | undefined, name: string): string {
  return identity.ino === 0n ? `${parent?.id ?? 0n}/${name}` : `${identity.dev}:${identity.ino}`;
}
