/**
 * What stands at a path of the world.
 *
 * An entry is made when it is asked for and holds nothing: two entries of one
 * path, made at different moments, show what is there at those moments.
 *
 * @module
 */

import type { Viewer } from "../policy/visibility.ts";

/** A directory of the server. To find one child costs the same however many there are. */
export interface WorldDirectory {
  readonly kind: "directory";
  find(name: string): WorldEntry | undefined;
  /** Names of the children, in no order that means anything; `find` finds each of them. */
  names(): Iterable<string>;
}

/** A file of the server that is only read. */
export interface WorldFile {
  readonly kind: "file";
  text(): string;
}

/** A tree of files that a node serves; the path goes on there. */
export interface NodeTree {
  readonly kind: "node_tree";
  readonly node_id: string;
  /** Name of the tree, as the node lists it. */
  readonly tree: string;
  /** Whether the catalog or a mount says that it is there; else only the node knows. */
  readonly isKnown: boolean;
  /** For whom the files are: in a project, with the rights that its policy gives. */
  readonly viewer: Viewer;
}

/** The folders that a node exports; which they are only the node knows. */
export interface NodeFolders {
  readonly kind: "node_folders";
  readonly node_id: string;
  readonly viewer: Viewer;
  /** Those that a viewer sees who may not ask the node; `undefined` for one who may. */
  readonly known: readonly string[] | undefined;
}

/** The events of one node, or of all: lines of JSON that grow at the end. */
export interface EventStream {
  readonly kind: "events";
  readonly node_id: string | undefined;
}

/** A file of the queues of pairing: some are read, some are written to make something happen. */
export interface PairingFile {
  readonly kind: "pairing";
  readonly name: PairingFileName;
  readonly isWritable: boolean;
}

/** Name of a file of pairing, below `/debug/pairing`. */
export type PairingFileName =
  | "pending.json"
  | "last_result.json"
  | "last_error.json"
  | "control/approve.json"
  | "control/deny.json"
  | "control/refresh"
  | "invites/active.json"
  | "invites/last_result.json"
  | "invites/last_error.json"
  | "invites/control/create.json"
  | "invites/control/refresh";

/** What stands at a path. */
export type WorldEntry = WorldDirectory | WorldFile | NodeTree | NodeFolders | EventStream | PairingFile;

/** A directory with children that are made when they are asked for. */
export function directory(children: Readonly<Record<string, () => WorldEntry | undefined>>): WorldDirectory {
  return {
    kind: "directory",
    find: (name) => Object.hasOwn(children, name) ? children[name]?.() : undefined,
    names: () => Object.keys(children).filter((name) => children[name]?.() !== undefined),
  };
}

/** One directory of two: what the first does not have is looked for in the second. */
export function layered(first: WorldDirectory, second: WorldDirectory): WorldDirectory {
  return {
    kind: "directory",
    find: (name) => first.find(name) ?? second.find(name),
    names: () => new Set([...first.names(), ...second.names()]),
  };
}

/** A file with a text. */
export function textFile(text: () => string): WorldFile {
  return { kind: "file", text };
}

/** A file with a value as compact JSON. */
export function jsonFile(value: () => unknown): WorldFile {
  return { kind: "file", text: () => JSON.stringify(value()) };
}
