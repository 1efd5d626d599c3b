/**
 * The part of the command tree that a command line needs, and how it is read.
 *
 * @module
 */

import { buildCommand, buildRouteMap, type Command, type RouteMap } from "@stricli/core";
import type { CliContext } from "./io.ts";
import type { Branch, Leaf } from "./routes.ts";

/** How every command line is read. */
export const reading = {
  name: "zss",
  scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
  documentation: { caseStyle: "convert-camel-to-kebab", disableAnsiColor: true },
} as const;

/**
 * The part of the tree that the arguments lead to. Where they end at a branch,
 * its commands are only named: nothing of them is needed but a line of its page.
 */
export async function routeMap(branch: Branch, argv: readonly string[]): Promise<RouteMap<CliContext>> {
  const [word = "", ...rest] = argv;
  const routes: Record<string, Command<CliContext> | RouteMap<CliContext>> = {};
  const chosen = Object.hasOwn(branch.routes, word) ? branch.routes[word] : undefined;
  if (chosen !== undefined) routes[word] = await target(chosen, rest);
  else {
    for (const [name, route] of Object.entries(branch.routes)) {
      routes[name] = "routes" in route && route.alone === undefined ? await routeMap(route, []) : named(route.brief);
    }
  }
  return buildRouteMap({ routes, docs: { brief: branch.brief, fullDescription: branch.help } });
}

async function target(
  route: Leaf | Branch,
  rest: readonly string[],
): Promise<Command<CliContext> | RouteMap<CliContext>> {
  if (!("routes" in route)) return await route.load();
  const isAlone = rest[0] === undefined || !Object.hasOwn(route.routes, rest[0]);
  return route.alone !== undefined && isAlone ? await route.alone.load() : await routeMap(route, rest);
}

function named(brief: string): Command<CliContext> {
  return buildCommand<Record<never, never>, [], CliContext>({ docs: { brief }, parameters: {}, func() {} });
}
