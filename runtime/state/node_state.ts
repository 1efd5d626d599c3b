/**
 * The file in which a node keeps its identity.
 *
 * The shape is the reference's: all members always written, `null` when unset.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { z } from "zod";
import { errorText, parseJson, ZssError } from "../../control/protocol/mod.ts";
import { writeAtomically } from "./atomic_file.ts";

/** Where the file is unless `--state-file` says otherwise. */
export const DEFAULT_STATE_FILE = "./spiderweb-fs-node-state.json";

const text = z.string().nullable().default(null);

const nodeState = z.looseObject({
  // The reference reads neither of the two strictly.
  schema: z.literal(1).catch(1).default(1),
  node_id: text,
  node_secret: text,
  lease_token: text,
  lease_expires_at_ms: z.int().min(0).catch(0).default(0),
  request_id: text,
  claim_token: text,
  code: text,
  /** Of a join by invite whose answer has not come; a secret. */
  join_key: text,
  node_name: text,
  fs_url: text,
});

/** What the file holds. */
export type NodeState = z.output<typeof nodeState>;

/** A node that has not been paired. */
export const unpaired: NodeState = nodeState.parse({});

/**
 * Reads the file; a missing one is a node that has not been paired.
 *
 * @throws {ZssError} `state_damaged` when it holds something else.
 */
export async function readNodeState(path: string): Promise<NodeState> {
  let content: string;
  try {
    content = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return unpaired;
    throw new ZssError("io", `Cannot read the state file "${path}": ${errorText(error)}`, {
      hint: "check its rights, or name another with --state-file",
      cause: error,
    });
  }
  let problem: string;
  try {
    const result = nodeState.safeParse(parseJson(content));
    if (result.success) return result.data;
    const issue = result.error.issues[0];
    problem = `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`;
  } catch (error) {
    if (!(error instanceof ZssError)) throw error;
    problem = error.message;
  }
  throw new ZssError("state_damaged", `Cannot use the state file "${path}": ${problem}`, {
    hint: "restore it, or remove it and pair the node again with a new invite",
  });
}

/** Writes the file, for its owner only. */
export function writeNodeState(path: string, state: NodeState): Promise<void> {
  const { claim_token, code, join_key, ...shape } = state;
  // The reference's shape, but while the node waits to be let in.
  const waiting = {
    ...(claim_token === null ? {} : { claim_token, code }),
    ...(join_key === null ? {} : { join_key }),
  };
  return writeAtomically(path, JSON.stringify({ ...shape, ...waiting }) + "\n");
}
