/**
 * The agents that a server knows: a file that an operator writes, and the one
 * that every server has.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { errorText, ZssError } from "../protocol/errors.ts";
import { parseJson } from "../protocol/json.ts";
import { PRIMARY_AGENT } from "../projects/projects.ts";

/** Name of the file in the data folder. */
export const AGENTS_FILE = "agents.json";

const agent = z.object({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "must have 1 to 64 letters, digits, _ or -"),
  name: z.string().optional(),
  description: z.string().default(""),
  capabilities: z.array(z.string()).default([]),
});
const agentsFile = z.object({ agents: z.array(agent) });

/** An agent as it is shown. */
export interface Agent {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly is_default: boolean;
  readonly identity_loaded: boolean;
  readonly needs_hatching: boolean;
  readonly capabilities: readonly string[];
}

/** By id; the primary one first. */
export type Agents = ReadonlyMap<string, Agent>;

/** Reads the agents of a data folder. @throws {ZssError} `config_invalid` for a file that says something else. */
export async function readAgents(folder: string): Promise<Agents> {
  const file = join(folder, AGENTS_FILE);
  const text = await readFile(file, "utf8").catch(() => undefined);
  const agents = new Map([[PRIMARY_AGENT, toAgent({ id: PRIMARY_AGENT, description: "", capabilities: [] })]]);
  if (text === undefined) return agents;
  try {
    for (const one of agentsFile.parse(parseJson(text)).agents) agents.set(one.id, toAgent(one));
    return agents;
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? cause.issues[0] : undefined;
    const why = issue === undefined ? errorText(cause) : `${issue.path.join(".")} ${issue.message}`;
    throw new ZssError("config_invalid", `Cannot use the agents in "${file}": ${why}`, {
      hint: 'for example {"agents":[{"id":"bob","description":"looks after the cameras"}]}',
      cause,
    });
  }
}

function toAgent({ id, name, description, capabilities }: z.output<typeof agent>): Agent {
  return {
    id,
    name: name ?? id,
    description,
    is_default: id === PRIMARY_AGENT,
    identity_loaded: true,
    needs_hatching: false,
    capabilities,
  };
}
