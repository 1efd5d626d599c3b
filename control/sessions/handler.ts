/**
 * What an operation is: a name, what it takes, who may call it, what it does.
 *
 * @module
 */

import type { z } from "zod";
import type { WatchSocket } from "../events/hub.ts";
import type { Access, Actor } from "../policy/rights.ts";
import type { OpName } from "../protocol/ops.ts";
import type { ControlPlane } from "./control_plane.ts";

/** The part of a socket that a session needs. */
export interface SessionSocket extends WatchSocket {
  /** Raises the limit of incoming frames, for a peer that has proved to be a node. */
  trustAsNode(): void;
}

/** The connection that an operation came by. */
export interface Caller {
  readonly actor: Actor;
  readonly socket: SessionSocket;
  /** Marks the protocol as agreed. */
  negotiated(): void;
  /** Runs `action` once the answer to this request has been written; it is dropped when the request is refused. */
  afterReply(action: () => void): void;
}

/** What a handler may use. */
export interface OpContext {
  readonly plane: ControlPlane;
  readonly session: Caller;
}

/** An operation whose request has not been read yet. */
export interface Operation {
  readonly name: OpName;
  readonly access: Access;
  /** Reads `payload`, runs the operation and returns the payload of the reply. Refuses with a `ZssError`. */
  run(context: OpContext, payload: unknown): Promise<unknown>;
}

/** One operation with the type of its request. */
export interface OperationDefinition<Request> {
  readonly name: OpName;
  readonly access: Access;
  readonly request: z.ZodType<Request>;
  handle(context: OpContext, request: Request): Promise<unknown> | unknown;
}
