/**
 * What an operation is: a name, what it takes, who may call it, what it does.
 *
 * @module
 */

import type { z } from "zod";
import type { Access, Actor } from "../policy/rights.ts";
import type { OperatorScope } from "../protocol/trust.ts";
import type { OpName } from "../protocol/ops.ts";
import type { Bindings } from "./bindings.ts";
import type { ControlPlane } from "./control_plane.ts";
import type { SessionSocket } from "./session_socket.ts";

/** The connection that an operation came by. */
export interface Caller {
  readonly actor: Actor;
  readonly socket: SessionSocket;
  readonly bindings: Bindings;
  /** Marks the protocol as agreed. */
  negotiated(): void;
  /** Runs `action` once the answer to this request has been written; it is dropped when the request is refused. */
  afterReply(action: () => void): void;
  /** Why operations that need a project are refused; `undefined` once there is one. */
  gate: Gate | undefined;
}

/** What a user lacks before it can work: a project, for the first time or again. */
export type Gate = "provisioning_required" | "last_target_invalid";

/** What the audit log is to say about a call, besides what the frame says. */
export interface AuditNote {
  /** What it was about, for example `node-3`. */
  readonly target?: string;
  /** The rule that decided. */
  readonly rule?: string;
  /** Whether a call that went well changed nothing that is worth a line. */
  readonly isSilent?: boolean;
}

/** What a handler may use. */
export interface OpContext {
  readonly plane: ControlPlane;
  readonly session: Caller;
  /** Adds to what the audit log says about this call. */
  note(note: AuditNote): void;
}

/** An operation whose request has not been read yet. */
export interface Operation {
  readonly name: OpName;
  readonly access: Access;
  /** What an operator needs to call it in an admin's place. Such calls are audited, and need an id. */
  readonly scope?: OperatorScope;
  /** Whether each call is audited, also without a scope. */
  readonly isAudited?: boolean;
  /** Whether it is about the project of the session, so that a user needs one. */
  readonly needsProject?: boolean;
  /** Reads `payload`, runs the operation and returns the payload of the reply. Refuses with a `ZssError`. */
  run(context: OpContext, payload: unknown): Promise<unknown>;
}

/** One operation with the type of its request. */
export interface OperationDefinition<Request> extends Omit<Operation, "run"> {
  readonly request: z.ZodType<Request>;
  handle(context: OpContext, request: Request): Promise<unknown> | unknown;
}
