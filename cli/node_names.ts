/**
 * Which node a word on the command line means: the one that has it for an id,
 * else the only one that is called so.
 *
 * Names are for people and need not be unique; so what goes to the server is
 * always an id, and a word that could mean two nodes means none.
 *
 * @module
 */

import type { ControlConnection, FsClient, WorldTree } from "../control/client/mod.ts";
import { ZssError } from "../control/protocol/errors.ts";
import { parseJson } from "../control/protocol/json.ts";
import { Errno, FsError, isObject } from "../control/protocol/mod.ts";
import { listIn } from "./answer.ts";
import { isWithoutProject } from "./errors.ts";
import type { CliContext } from "./io.ts";
import { type RemoteAccess, remoteOf, withConnection } from "./remote.ts";
import { cleanText } from "./render/table.ts";

/** A node, and what it is called. */
export interface NamedNode {
  readonly id: string;
  readonly name: string;
}

/** So many nodes are named in a hint. */
const SHOWN = 8;

/** Whether a word is like the ids that servers make. Only the server says whether there is such a node. */
export function isServerMade(word: string): boolean {
  return /^node-[0-9]+$/.test(word);
}

/**
 * The id of the node that is meant.
 *
 * @throws {ZssError} `usage` for a name of several nodes; `node_not_found` when nothing is called so.
 */
export function nodeMeant(given: string, nodes: readonly NamedNode[]): string {
  if (nodes.some(({ id }) => id === given)) return given;
  const named = nodes.filter(({ name }) => name === given);
  const [only] = named;
  if (only !== undefined && named.length === 1) return only.id;
  if (only !== undefined) {
    throw new ZssError("usage", `Cannot tell which node "${given}" is: ${named.length} nodes are called so`, {
      hint: `name it by its id: ${listed(named.map(({ id }) => id))}`,
      data: { node_ids: named.map(({ id }) => id) },
    });
  }
  const near = nodes.length <= SHOWN ? nodes : nodes.filter((one) => isNear(given, one));
  throw new ZssError("node_not_found", `Cannot find node "${given}": no node has this id or name`, {
    hint: near.length === 0
      ? "zss node list shows the nodes that the server knows"
      : `the nodes ${nodes.length <= SHOWN ? "" : "like it "}are ${
        listed(near.map(({ id, name }) => `${id} (${cleanText(name)})`))
      }`,
  });
}

function isNear(given: string, { id, name }: NamedNode): boolean {
  const word = given.toLowerCase();
  return [id, name.toLowerCase()].some((one) => one.includes(word) || (one.length > 2 && word.includes(one)));
}

function listed(items: readonly string[]): string {
  const more = items.length - SHOWN;
  return items.slice(0, SHOWN).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/**
 * The id of the node that is meant, as the server knows it now.
 *
 * @param server The connection, or the tree that is open over it: a second tree on one connection would end the first.
 * @param unknown What to do about a word that means no node: `refuse` it, or `keep` it as the id of a node that is
 * gone, or will come. Who is no admin does not know all nodes; their words are kept.
 * @throws {ZssError} As {@linkcode nodeMeant}.
 */
export async function nodeIdOf(
  server: ControlConnection | WorldTree,
  given: string,
  unknown: "refuse" | "keep" = "refuse",
): Promise<string> {
  if (isServerMade(given) && unknown === "keep") return given;
  const [connection, tree] = "connection" in server ? [server.connection, server] : [server, undefined];
  const isAdmin = await roleOf(connection) === "admin";
  // The usual case costs no list, however many nodes there are.
  if (isServerMade(given) && (!isAdmin || await isNode(connection, given))) return given;
  try {
    return nodeMeant(given, await nodesSeen(connection, isAdmin, tree));
  } catch (error) {
    const isKept = !isAdmin || unknown === "keep";
    if (isKept && error instanceof ZssError && error.code === "node_not_found") return given;
    throw error;
  }
}

/** The role of who is connected; `undefined` for a user who has no project yet, or none any more. */
export async function roleOf(connection: Pick<ControlConnection, "call">): Promise<string | undefined> {
  try {
    // Asked anew, for a refusal of something else would stand in the audit log.
    return String((await connection.call("connect", {}))["role"]);
  } catch (error) {
    if (error instanceof ZssError && isWithoutProject(error)) return undefined;
    throw error;
  }
}

/** The nodes that the holder of the connection sees: all of them, or those of a project, in the tree. */
export async function nodesSeen(
  connection: ControlConnection,
  isAdmin: boolean,
  open?: WorldTree,
): Promise<readonly NamedNode[]> {
  if (isAdmin) {
    const nodes = listIn(await connection.call("node_list", {}), "nodes");
    return nodes.map((node) => ({ id: String(node["node_id"]), name: String(node["node_name"]) }));
  }
  if (open !== undefined) return await nodesIn(open);
  const { WorldTree } = await import("../control/client/mod.ts");
  try {
    await using tree = await WorldTree.over(connection);
    return await nodesIn(tree);
  } catch (error) {
    // Without a project there is no tree; what is asked for next says so better.
    if (error instanceof ZssError) return [];
    throw error;
  }
}

async function nodesIn(tree: WorldTree): Promise<NamedNode[]> {
  const ids = (await tree.list("/nodes")).filter(({ kind }) => kind === "dir").map(({ name }) => name);
  return await Promise.all(ids.map(async (id) => {
    const status = parseJson(await tree.readText(`/nodes/${id}/STATUS.json`));
    return { id, name: isObject(status) ? String(status["node_name"] ?? "") : "" };
  }));
}

async function isNode(connection: ControlConnection, id: string): Promise<boolean> {
  try {
    await connection.call("node_get", { node_id: id });
    return true;
  } catch (error) {
    if (error instanceof ZssError && error.code === "node_not_found") return false;
    throw error;
  }
}

/** Connects to the files of the node that is meant; `remote` is where it was found, and `id` which one it is. */
export async function openNode(
  context: CliContext,
  given: string,
): Promise<{ readonly client: FsClient; readonly id: string; readonly remote: RemoteAccess }> {
  const { FsClient } = await import("../control/client/mod.ts");
  const remote = await remoteOf(context);
  const open = async (id: string) => {
    const client = await FsClient.open({ ...remote, node_id: id, clock: context.io.clock });
    return { client, id, remote };
  };
  // Asked for first: to try a name as an id would stand in the audit log as an attempt.
  if (!isServerMade(given)) return await open(await meantOrAlone(context, given));
  try {
    return await open(given);
  } catch (error) {
    if (!(error instanceof FsError) || error.errno !== Errno.ENOENT) throw error;
    const id = await withConnection(context, (connection) => nodeIdOf(connection, given));
    if (id === given) throw error;
    return await open(id);
  }
}

/** The id of the node that is meant; the word itself for a node that stands alone, which has no list. */
async function meantOrAlone(context: CliContext, given: string): Promise<string> {
  try {
    return await withConnection(context, (connection) => nodeIdOf(connection, given));
  } catch (error) {
    if (isStandalone(error)) return given;
    throw error;
  }
}

/** Whether somebody refused to be a control plane because it is a node that stands alone. */
export function isStandalone(error: unknown): error is ZssError {
  return error instanceof ZssError && error.message.includes("a node without a control plane");
}
