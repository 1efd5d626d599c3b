/**
 * Arguments of which the server, or the user's own files, know the values.
 *
 * A shell that asks what may come next is told them; that costs a connection,
 * and a person waits, so whatever takes too long or goes wrong proposes nothing.
 *
 * @module
 */

import { isObject, TERMINAL_TREE } from "../../control/protocol/mod.ts";
import { listIn } from "../answer.ts";
import { readContexts, requireContextFile } from "../contexts/context_file.ts";
import { withTree } from "../fs/with_tree.ts";
import type { CliContext } from "../io.ts";
import { nodeIdOf, nodesSeen, roleOf } from "../node_names.ts";
import { withConnection } from "../remote.ts";
import { argument } from "../text_flags.ts";
import { inTime } from "./in_time.ts";

/** How such an argument is declared. */
export type KnownArgument = ReturnType<typeof argument> & {
  readonly proposeCompletions: (this: CliContext, partial: string) => Promise<string[]>;
};

/** A node, by its id or its name. */
export function nodeArgument(brief = "id or name of the node"): KnownArgument {
  return known(brief, "node", nodeWords);
}

/** A service of the node that stands before it. */
export const serviceArgument: KnownArgument = known(
  "id of the service",
  "service_id",
  (context) => serviceIds(context, argumentsBefore(context)[0] ?? ""),
);

/** A node, then one of its terminals; what follows is nobody's to guess. */
export const terminalWords: KnownArgument["proposeCompletions"] = proposed(async (context) => {
  const [node, ...more] = argumentsBefore(context);
  if (node === undefined) return await nodeWords(context);
  if (more.length > 0) return [];
  const services = await serviceIds(context, node);
  return services.filter((id) => id.startsWith(TERMINAL_TREE)).map((id) => id.slice(TERMINAL_TREE.length));
});

/** A request to join that nobody has decided about. */
export const requestArgument: KnownArgument = known(
  "id of the request",
  "request_id",
  (context) => asked(context, "node_join_pending_list", "pending", "request_id"),
);

/** A bearer token, by its name or its id. */
export const tokenArgument: KnownArgument = known("name or id of the token", "token", tokenNames);

/** A project, by its id. */
export function projectArgument(brief = "id of the project"): KnownArgument {
  return known(brief, "project_id", projectIds);
}

/** One of the user's contexts. */
export const contextArgument: KnownArgument = known("name of the context", "name", contextNames);

/** Names of the contexts that the user keeps. */
export async function contextNames({ io }: Pick<CliContext, "io">): Promise<string[]> {
  return [...(await readContexts(requireContextFile(io.env))).byName.keys()];
}

/** Ids of the projects that the user may read. */
export function projectIds(context: CliContext): Promise<string[]> {
  return asked(context, "project_list", "projects", "project_id");
}

/** Names of the bearer tokens. */
export function tokenNames(context: CliContext): Promise<string[]> {
  return asked(context, "token_list", "tokens", "name");
}

/** Turns a list of words into proposals: those that go on from what stands there, as long as they come in time. */
export function proposed(
  words: (context: CliContext) => Promise<readonly string[]>,
): KnownArgument["proposeCompletions"] {
  return async function (partial) {
    const all = await inTime(this.io.clock, words(this), []);
    return all.filter((word) => word.startsWith(partial));
  };
}

function known(
  brief: string,
  placeholder: string,
  words: (context: CliContext) => Promise<readonly string[]>,
): KnownArgument {
  return { ...argument(brief, placeholder), proposeCompletions: proposed(words) };
}

/** Ids of the nodes, and behind them the names that only one of them has. */
async function nodeWords(context: CliContext): Promise<string[]> {
  const nodes = await withConnection(
    context,
    async (connection) => nodesSeen(connection, await roleOf(connection) === "admin"),
  );
  const ids = new Set(nodes.map(({ id }) => id));
  const names = nodes.map(({ name }) => name);
  const clear = names.filter((name) =>
    name !== "" && !ids.has(name) && names.indexOf(name) === names.lastIndexOf(name)
  );
  return [...ids, ...clear];
}

async function serviceIds(context: CliContext, node: string): Promise<string[]> {
  return await withTree(context, async (tree) => {
    const entries = await tree.list(`/nodes/${await nodeIdOf(tree, node)}/services`);
    return entries.filter(({ kind }) => kind === "dir").map(({ name }) => name);
  });
}

async function asked(context: CliContext, operation: string, list: string, member: string): Promise<string[]> {
  const answer = await withConnection(context, (connection) => connection.call(operation, {}));
  return listIn(answer, list).filter(isObject).map((one) => String(one[member]));
}

/** The arguments of the command that stand in front of the word that is typed; a flag's value passes for one. */
function argumentsBefore({ typed = [] }: CliContext): readonly string[] {
  return typed.slice(2).filter((word) => !word.startsWith("-"));
}
