/**
 * How a node gets its identity.
 *
 * @module
 */

import { z } from "zod";
import { ControlConnection } from "../../control/client/mod.ts";
import { ZssError } from "../../control/protocol/mod.ts";
import type { Clock } from "../../drivers/process/mod.ts";

/** What a node needs to come back. */
export interface Credentials {
  readonly node_id: string;
  readonly node_secret: string;
  readonly lease_token: string;
  readonly lease_expires_at_ms: number;
  readonly node_name: string;
  readonly fs_url: string;
}

/** How to join. */
export interface PairOptions {
  readonly controlUrl: string;
  /** Bearer token; not needed to join. */
  readonly token: string | undefined;
  /** Certificates in PEM form that are trusted besides the usual ones. */
  readonly ca?: string | undefined;
  readonly inviteToken: string;
  /** A secret of the node's own: with it the join can be made again when its answer was lost. */
  readonly joinKey?: string | undefined;
  readonly nodeName: string;
  readonly leaseTtlMs: number;
  readonly clock: Clock;
}

/**
 * Joins by invite.
 *
 * @throws {ZssError} `invite_not_found`, `invite_redeemed`, `invite_expired`, or why the server could not be reached.
 */
export async function pairByInvite(options: PairOptions): Promise<Credentials> {
  const connection = await ControlConnection.open({
    url: options.controlUrl,
    token: options.token,
    ca: options.ca,
    clock: options.clock,
  });
  try {
    return readCredentials(
      await connection.call("node_join", {
        invite_token: options.inviteToken,
        ...(options.joinKey === undefined ? {} : { join_key: options.joinKey }),
        node_name: options.nodeName,
        fs_url: "",
        lease_ttl_ms: options.leaseTtlMs,
      }),
    );
  } finally {
    connection.close();
  }
}

const required = z.string().min(1);

const joinAnswer = z.object({
  node_id: required,
  node_secret: required,
  lease_token: required,
  // The reference may leave these out or send null.
  lease_expires_at_ms: z.int().min(0).catch(0),
  node_name: z.string().nullish(),
  fs_url: z.string().nullish(),
});

/**
 * Reads the answer to a join or a refresh.
 *
 * @throws {ZssError} `remote_error` when it names no node, no secret or no lease.
 */
export function readCredentials(answer: Readonly<Record<string, unknown>>): Credentials {
  const reading = joinAnswer.safeParse(answer);
  if (!reading.success) {
    const member = reading.error.issues[0]?.path.join(".") ?? "it";
    throw new ZssError("remote_error", `Cannot read the server's answer: ${member} is missing`);
  }
  const { node_name, fs_url, ...rest } = reading.data;
  return { ...rest, node_name: node_name ?? rest.node_id, fs_url: fs_url ?? "" };
}
