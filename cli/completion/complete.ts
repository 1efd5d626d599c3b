/**
 * What may come next on a command line.
 *
 * A shell asks with the words that stand there, the last of which is the one
 * that is being typed. Whatever goes wrong, the answer is no proposal: a
 * completion has nobody to complain to.
 *
 * @module
 */

import { buildApplication, proposeCompletions } from "@stricli/core";
import { reading, routeMap } from "../route_map.ts";
import { isPlain } from "../render/table.ts";
import { inTime } from "./in_time.ts";
import { contextNames, projectIds } from "./known_arguments.ts";
import { type Globals, globalValues, liftGlobals, outputForms } from "../globals.ts";
import type { CliContext, CliIo } from "../io.ts";
import { rootRoutes } from "../routes.ts";

/** A word that may come next. */
export interface Proposal {
  readonly word: string;
  /** What it is for, in a few words; may be empty. */
  readonly brief: string;
}

/** Proposals for the last of `words`, as the scripts of the shells read them; see {@linkcode proposalLines}. */
export async function completionLines(words: readonly string[], io: CliIo): Promise<string> {
  return proposalLines(await proposalsFor(words, io).catch(() => []));
}

/**
 * One line for each proposal: `word`, a tab, what it is for.
 *
 * A word that {@linkcode isPlain} refuses is left out: what drives a terminal is nothing to type, and a line end would
 * make two proposals of one. Every other one is as it is; to quote it is up to the script.
 */
export function proposalLines(proposals: readonly Proposal[]): string {
  return proposals.filter(({ word }) => isPlain(word))
    .map(({ word, brief }) => `${word}\t${brief.replace(/\s+/g, " ")}\n`).join("");
}

/** @throws Whatever stands in the way. */
export async function proposalsFor(words: readonly string[], io: CliIo): Promise<Proposal[]> {
  const before = words.slice(0, -1);
  const partial = words.at(-1) ?? "";
  if (before.includes("--")) return [];
  const previous = before.at(-1) ?? "";
  if (Object.hasOwn(globalValues, previous)) {
    return await globalProposals(previous, partial, before.slice(0, -1), io, "");
  }
  const equals = partial.startsWith("--") ? partial.indexOf("=") : -1;
  if (equals > 0) {
    const flag = partial.slice(0, equals);
    const value = partial.slice(equals + 1);
    const start = `${flag}=`;
    if (Object.hasOwn(globalValues, flag)) return await globalProposals(flag, value, before, io, start);
    return (await commandProposals([...before, flag], value, io)).map(({ word, brief }) => ({
      word: start + word,
      brief,
    }));
  }
  const proposals = await commandProposals(before, partial, io);
  if (!partial.startsWith("-")) {
    // Flags are for those who begin one, unless nothing else may come.
    const plain = proposals.filter(({ word }) => !word.startsWith("-"));
    return plain.length > 0 ? plain : proposals.filter(({ word }) => word !== "--");
  }
  const globals = [...Object.keys(globalValues), "--json", "--verbose", "--help"];
  const names = new Set(proposals.map(({ word }) => word));
  return [
    ...proposals,
    ...globals.filter((name) => name.startsWith(partial) && !names.has(name)).map((word) => ({ word, brief: "" })),
  ];
}

async function commandProposals(before: readonly string[], partial: string, io: CliIo): Promise<Proposal[]> {
  const { globals, rest } = liftGlobals(before);
  const application = buildApplication(await routeMap(rootRoutes, rest), reading);
  const context = contextOf(globals, io, rest);
  const found = await proposeCompletions(application, [...rest, partial], context);
  return found
    .filter(({ completion }) => completion.startsWith(partial))
    .map(({ completion, brief, kind }) => ({ word: completion, brief: kind === "argument:value" ? "" : brief }));
}

function contextOf(globals: Globals, io: CliIo, typed: readonly string[]): CliContext {
  const silent = { isTerminal: false, write: () => {} };
  // What a command would say of its connection is not for a line that is being typed.
  const quiet = Object.create(io, { stderr: { value: silent }, stdout: { value: silent } }) as CliIo;
  return { process: { stdout: silent, stderr: silent }, io: quiet, globals, typed, setExitCode: () => {} };
}

async function globalProposals(
  flag: string,
  partial: string,
  before: readonly string[],
  io: CliIo,
  start: string,
): Promise<Proposal[]> {
  const context = contextOf(liftGlobals(before).globals, io, before);
  const values = flag === "--context"
    ? await contextNames(context)
    : flag === "--project"
    ? await inTime(io.clock, projectIds(context), [])
    : flag === "-o" || flag === "--output"
    ? outputForms
    : [];
  return values.filter((value) => value.startsWith(partial)).map((value) => ({ word: start + value, brief: "" }));
}
