/**
 * How a node gets its identity.
 *
 * @module
 */

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
  readonly inviteToken: string;
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
    clock: options.clock,
  });
  try {
    return readCredentials(
      await connection.call("node_join", {
        invite_token: options.inviteToken,
        node_name: options.nodeName,
        fs_url: "",
        lease_ttl_ms: options.leaseTtlMs,
      }),
    );
  } finally {
    connection.close();
  }
}

/** Reads the answer to a join or a refresh. */
export function readCredentials(answer: Readonly<Record<string, unknown>>): Credentials {
  const text = (name: string) => {
    const value = answer[name];
    if (typeof value === "string") return value;
    throw new ZssError("remote_error", `Cannot read the server's answer: ${name} is missing`);
  };
  return {
    node_id: text("node_id"),
    node_secret: text("node_secret"),
    lease_token: text("lease_token"),
    lease_expires_at_ms: Number(answer["lease_expires_at_ms"] ?? 0),
    node_name: text("node_name"),
    fs_url: text("fs_url"),
  };
}
