/**
 * Pairing without an invite: the node asks, shows a code, and waits until
 * somebody who is an admin has approved it.
 *
 * @module
 */

import { ControlConnection } from "../../control/client/mod.ts";
import { ZssError } from "../../control/protocol/mod.ts";
import { type Clock, sleep } from "../../drivers/process/mod.ts";
import { type Credentials, readCredentials } from "./pair.ts";

/** Time between two looks at what was decided, in milliseconds; it doubles up to the second. */
const POLL_MS = [2_000, 15_000] as const;

/** A request that waits, as the state file keeps it. */
export interface PendingJoin {
  readonly request_id: string;
  /** Collects the credentials; a secret. */
  readonly claim_token: string;
  /** Empty when it was not kept. */
  readonly code: string;
}

/** How to ask. */
export interface AskOptions {
  readonly controlUrl: string;
  readonly token: string | undefined;
  /** Certificates in PEM form that are trusted for `wss://` besides the usual ones. */
  readonly ca?: string | undefined;
  readonly nodeName: string;
  readonly platform: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** A request that was made before, by this node. */
  readonly pending: PendingJoin | undefined;
  /** Keeps a request, so that a restart goes on with it. */
  readonly save: (pending: PendingJoin) => Promise<void>;
  /** Called for each request that waits, once. */
  readonly onWaiting: (pending: PendingJoin) => void;
}

/**
 * Asks to join and waits for the decision. `undefined`: `signal` has fired.
 *
 * @throws {ZssError} `join_denied`, or why the server could not be reached.
 */
export async function askToJoin(options: AskOptions, signal: AbortSignal): Promise<Credentials | undefined> {
  const { clock } = options;
  let { pending } = options;
  if (pending !== undefined) options.onWaiting(pending);
  const [first, longest] = POLL_MS;
  let wait: number = first;
  while (!signal.aborted) {
    if (pending === undefined) {
      pending = await request(options);
      await options.save(pending);
      options.onWaiting(pending);
    }
    const answer = await claim(options, pending);
    if (answer === "expired") {
      pending = undefined;
      continue;
    }
    if (answer !== "pending") return answer;
    await sleep(clock, wait, signal);
    wait = Math.min(wait * 2, longest);
  }
  return undefined;
}

async function request(options: AskOptions): Promise<PendingJoin> {
  const { nodeName, platform } = options;
  const answer = await call(options, "node_join_request", { node_name: nodeName, fs_url: "", platform });
  const { request_id, claim_token, code } = answer;
  if (typeof request_id !== "string" || typeof claim_token !== "string") {
    throw new ZssError("unsupported", "Cannot ask to join: this server does not let a node collect its credentials", {
      hint: "pair with an invite: zss node invite, then zss node run --invite-token",
    });
  }
  return { request_id, claim_token, code: typeof code === "string" ? code : "" };
}

async function claim(
  options: AskOptions,
  { request_id, claim_token }: PendingJoin,
): Promise<Credentials | "pending" | "expired"> {
  let answer: Record<string, unknown>;
  try {
    answer = await call(options, "node_join_claim", { request_id, claim_token });
  } catch (error) {
    if (error instanceof ZssError && error.code === "pending_join_not_found") return "expired";
    throw error;
  }
  if (answer["status"] === "approved") return readCredentials(answer);
  if (answer["status"] === "pending") return "pending";
  throw new ZssError("join_denied", `Cannot join: the request ${request_id} was denied`, {
    hint: "ask the operator of the server, or join with an invite: zss node run --invite-token",
  });
}

/** One operation on a connection of its own: between two looks nothing is held open. */
async function call(
  { controlUrl, token, ca, clock }: Pick<AskOptions, "controlUrl" | "token" | "ca" | "clock">,
  name: string,
  payload: unknown,
): Promise<Record<string, unknown>> {
  const connection = await ControlConnection.open({ url: controlUrl, token, ca, clock });
  try {
    return await connection.call(name, payload);
  } finally {
    connection.close();
  }
}
