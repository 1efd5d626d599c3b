/**
 * How a command reaches the tree of files that a server shows.
 *
 * @module
 */

import type { WorldTree } from "../../control/client/mod.ts";
import { ZssError } from "../../control/protocol/errors.ts";
import type { CliContext, TextStream } from "../io.ts";
import { isServerMade, isStandalone, nodeIdOf } from "../node_names.ts";
import { remoteOf } from "../remote.ts";

/** Connects, works, and hangs up. */
export async function withTree<T>(context: CliContext, work: (tree: WorldTree) => Promise<T>): Promise<T> {
  const { WorldTree } = await import("../../control/client/mod.ts");
  const remote = await remoteOf(context);
  const opening = WorldTree.open({ ...remote, clock: context.io.clock });
  await using tree = await opening.catch((error: unknown) => Promise.reject(standaloneHint(error, remote.url)));
  return await work(tree);
}

/** A node that stands alone has files and no tree. */
function standaloneHint(error: unknown, url: string): unknown {
  if (!isStandalone(error)) return error;
  return new ZssError("unsupported", `Cannot show the tree of "${url}": it is a node that stands alone`, {
    hint: "zss node service-runtime and zss node terminal reach its services; the tree is that of a server",
    cause: error,
  });
}

/** A path from the root, without a slash at its end. */
export function rooted(path: string): string {
  return `/${path.split("/").filter((step) => step !== "" && step !== ".").join("/")}`;
}

/**
 * A path from the root in which a node that is named by its name has its id. The tree knows nodes by their ids alone.
 *
 * @throws {ZssError} `usage` for a name that several nodes have.
 */
export async function meantPath(tree: WorldTree, given: string): Promise<string> {
  const path = rooted(given);
  const [, word, rest = ""] = /^\/nodes\/([^/]+)(\/.*)?$/.exec(path) ?? [];
  if (word === undefined || isServerMade(word)) return path;
  try {
    await tree.stat(`/nodes/${word}`);
    return path;
  } catch (error) {
    if (!(error instanceof ZssError) || error.code !== "enoent") throw error;
    return `/nodes/${await nodeIdOf(tree, word, "keep")}${rest}`;
  }
}

/** A path below another one. */
export function below(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}

/** The last step of a path; empty for the root. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Writes bytes as they are, as fast as somebody takes them. */
export async function sendBytes(stream: TextStream, bytes: Uint8Array): Promise<void> {
  if (stream.send === undefined) stream.write(new TextDecoder().decode(bytes));
  else await stream.send(bytes);
}
