/**
 * What can be said about a project on the command line.
 *
 * @module
 */

import { usageError } from "./errors.ts";
import type { CliIo } from "./io.ts";
import { optionalText, pairsOf, repeatedText } from "./text_flags.ts";

/** The flags. */
export interface ProjectFlags {
  readonly name?: string;
  readonly vision?: string;
  readonly status?: string;
  readonly access: readonly string[];
  readonly agentAccess: readonly string[];
}

/** How the flags are declared; the name stands apart, since it is an argument where a project is made. */
export const projectFlags = {
  vision: optionalText("what it is for", "text"),
  status: optionalText("a word of your own; active when it is new", "word"),
  access: repeatedText(
    "who may read, observe, invoke, mount, admin: open, token, admin or deny; repeatable",
    "action=mode",
  ),
  agentAccess: repeatedText("the same for one agent; repeatable", "agent:action=mode"),
};

/** The members of a request that they stand for. @throws {ZssError} `usage`. */
export function projectFields(flags: ProjectFlags): Record<string, unknown> {
  const { name, vision, status } = flags;
  const policy = policyOf(flags);
  return { name, vision, status, ...(policy === undefined ? {} : { access_policy: policy }) };
}

function policyOf({ access, agentAccess }: ProjectFlags): Record<string, unknown> | undefined {
  if (access.length + agentAccess.length === 0) return undefined;
  const agents: Record<string, { actions: Record<string, string> }> = {};
  for (const text of agentAccess) {
    const [agent = "", rest] = text.split(":");
    if (agent === "" || rest === undefined) {
      throw usageError(
        `Cannot read --agent-access "${text}": agent:action=mode is wanted`,
        "for example bob:invoke=deny",
      );
    }
    agents[agent] = { actions: { ...agents[agent]?.["actions"], ...pairsOf([rest], "--agent-access") } };
  }
  return { actions: pairsOf(access, "--access"), agents };
}

/** The token of a project, from the environment: on the command line everybody would see it. */
export function projectTokenOf({ env }: CliIo): { readonly project_token?: string } {
  const token = env["ZSS_PROJECT_TOKEN"]?.trim() ?? "";
  return token === "" ? {} : { project_token: token };
}
