/**
 * The trees that a node serves, and what their files are called on the wire.
 *
 * Each tree has a number for as long as it is served; a file's id on the wire
 * is that number and, below it, the 48 bits that its tree gave it.
 *
 * @module
 */

import { ZssError } from "../../control/protocol/mod.ts";
import { type FileTree, noSuchNode } from "./tree.ts";

const LOCAL_BITS = 48n;
const LOCAL_MASK = (1n << LOCAL_BITS) - 1n;

/** The reference refuses ids of 2^63 and more. */
const LAST_NUMBER = (1n << 15n) - 1n;

/** A file: the tree that it is in, and its id there. */
export interface Location {
  readonly tree: FileTree;
  readonly local: bigint;
}

/** What a new list of trees brought. */
export interface TreeChanges {
  readonly added: readonly FileTree[];
  /** With the id that the root had on the wire. */
  readonly removed: readonly { readonly tree: FileTree; readonly root: bigint }[];
}

/** The served trees, numbered. */
export class ServedTrees {
  #numbers: ReadonlyMap<FileTree, bigint> = new Map();
  #byNumber: ReadonlyMap<bigint, FileTree> = new Map();
  #next = 1n;
  /** Numbers of trees that are gone, the longest unused first. */
  readonly #freed: bigint[] = [];

  /** In the order in which they are listed. */
  get all(): readonly FileTree[] {
    return [...this.#numbers.keys()];
  }

  has(tree: FileTree): boolean {
    return this.#numbers.has(tree);
  }

  /**
   * Replaces the list. Trees that were in it keep their numbers.
   *
   * A new tree gets a number that none had before; only after 32,767 trees the
   * one that has been out of use the longest comes again, so that ids which a
   * client still remembers mean nothing rather than another file.
   *
   * @throws {ZssError} `duplicate_export` when two trees have one name; the list stays as it was.
   */
  replace(trees: readonly FileTree[]): TreeChanges {
    const names = new Set<string>();
    for (const { description: { name } } of trees) {
      if (names.has(name)) {
        throw new ZssError("duplicate_export", `Cannot serve two exports named "${name}"`, {
          hint: "rename one of them",
        });
      }
      names.add(name);
    }
    const before = this.#numbers;
    const kept = new Set(trees);
    const removed = [...before].filter(([tree]) => !kept.has(tree));
    const added = trees.filter((tree) => !before.has(tree));
    this.#numbers = new Map(trees.map((tree) => [tree, before.get(tree) ?? this.#take()]));
    this.#byNumber = new Map([...this.#numbers].map(([tree, number]) => [number, tree]));
    this.#freed.push(...removed.map(([, number]) => number));
    return { added, removed: removed.map(([tree, number]) => ({ tree, root: number << LOCAL_BITS | tree.root })) };
  }

  /** Finds the file of a wire id. @throws {FsError} `ENOENT`. */
  locate(id: bigint): Location {
    const tree = this.#byNumber.get(id >> LOCAL_BITS);
    if (tree === undefined) throw noSuchNode();
    return { tree, local: id & LOCAL_MASK };
  }

  /** The wire id of a file. @throws {FsError} `ENOENT` when its tree is not served any more. */
  wireId(tree: FileTree, local: bigint): bigint {
    const number = this.#numbers.get(tree);
    if (number === undefined) throw noSuchNode();
    return number << LOCAL_BITS | local;
  }

  #take(): bigint {
    if (this.#next <= LAST_NUMBER) return this.#next++;
    const number = this.#freed.shift();
    if (number === undefined) throw new RangeError(`Cannot serve more than ${LAST_NUMBER} trees at once`);
    return number;
  }
}
