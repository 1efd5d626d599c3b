/**
 * One connection on `/`: who speaks, what was negotiated, what it watches.
 *
 * A session takes the text of a frame and sends the text of a reply. Frames of
 * one connection are answered in the order in which they came.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { Actor } from "../policy/rights.ts";
import { mayCall } from "../policy/rights.ts";
import { type Envelope, EnvelopeError, errorFrame, okFrame, parseEnvelope } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import { pushedTypes, replyType } from "../protocol/ops.ts";
import { type Binding, Bindings } from "./bindings.ts";
import type { ControlPlane } from "./control_plane.ts";
import { gateError, startOf } from "./gate.ts";
import type { AuditNote, Caller, Gate, Operation } from "./handler.ts";
import type { SessionSocket } from "./session_socket.ts";
import { operations } from "./handlers/mod.ts";
import { checkScopeToken } from "./scope_tokens.ts";
import { RuntimeChannel } from "../acheron/channel.ts";

const log = getLogger(["zss", "control", "session"]);

const byType: ReadonlyMap<string, Operation> = new Map(
  operations.map((operation) => [`control.${operation.name}`, operation]),
);

/** Codes that say that somebody was turned away. */
const DENIALS: ReadonlySet<string> = new Set([
  ..."forbidden node_auth_failed project_auth_failed project_policy_forbidden project_assignment_forbidden".split(" "),
  ..."operator_auth_failed project_protected lease_superseded".split(" "),
]);

/** Most requests of a connection that may wait. */
const MAX_WAITING = 1024;
/** Most that the waiting frames of the runtime channel hold, in UTF-16 units. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;
/** Most bytes of answers that a peer may leave unread. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

/** One control connection. */
export class Session implements Caller {
  readonly actor: Actor;
  readonly socket: SessionSocket;
  readonly #plane: ControlPlane;
  readonly bindings: Bindings;
  gate: Gate | undefined;
  #negotiated = false;
  #isClosed = false;
  #waiting = 0;
  /** Length of the frames of the runtime channel that wait. */
  #waitingBytes = 0;
  #afterReply: (() => void) | undefined;
  /** The answer to the newest frame. */
  #last: Promise<void> = Promise.resolve();
  /** The answer to the newest frame that later ones wait for. */
  #barrier: Promise<void> = Promise.resolve();
  readonly #runtime: RuntimeChannel;

  constructor(plane: ControlPlane, socket: SessionSocket, actor: Actor) {
    this.#plane = plane;
    this.socket = socket;
    this.actor = actor;
    const start = startOf(plane.store, actor);
    this.bindings = new Bindings(start.binding);
    this.gate = start.gate;
    this.#runtime = new RuntimeChannel({
      plane,
      actor,
      socket,
      session: (key) => this.#sessionOf(key),
      permit: (type) => this.#permitRuntime(type),
      run: (name, payload) => this.#runNamed(name, payload),
      audit: (type, about, correlation_id, code) => this.#audit({}, { type, correlation_id }, about, code),
    });
  }

  /**
   * Takes one frame; settles when it has been answered.
   *
   * Answers leave in the order of the frames. Operations wait for those before
   * them, but for publishing: catalogs that came together share a commit.
   */
  receive(text: string): Promise<void> {
    if (this.#isClosed) return this.#last;
    const isFlood = this.#waiting >= MAX_WAITING || this.#waitingBytes > MAX_WAITING_BYTES;
    if (isFlood || this.socket.bufferedBytes > MAX_UNREAD_BYTES) {
      this.#isClosed = true;
      this.socket.close(1013, "answers are not read");
      return this.#last;
    }
    this.#waiting++;
    let frame: Envelope | EnvelopeError;
    try {
      frame = parseEnvelope(text);
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
      frame = error;
    }
    if (!(frame instanceof EnvelopeError) && frame.channel === "acheron") {
      // It sees what the operations before it did, and holds up none behind it.
      const runtimeFrame = frame;
      this.#waitingBytes += text.length;
      return this.#barrier.then(() => this.#isClosed ? undefined : this.#runtime.receive(runtimeFrame))
        .finally(() => {
          this.#waiting--;
          this.#waitingBytes -= text.length;
        });
    }
    const before = this.#last;
    const isPipelined = !(frame instanceof EnvelopeError) && frame.type === "control.node_service_upsert";
    const answering = (isPipelined ? this.#barrier : before).then(() => this.#answer(frame));
    this.#last = Promise.all([before, answering]).then(([, send]) => {
      this.#waiting--;
      if (!this.#isClosed) send();
    });
    if (!isPipelined) this.#barrier = this.#last;
    return this.#last;
  }

  /** Frees what the connection held. */
  closed(): void {
    this.#isClosed = true;
    this.#plane.hub.unsubscribe(this.socket);
    this.#runtime.close();
  }

  negotiated(): void {
    this.#negotiated = true;
  }

  afterReply(action: () => void): void {
    this.#afterReply = action;
  }

  /** Runs what a frame asks for; returns what sends the answer. */
  async #answer(frame: Envelope | EnvelopeError): Promise<() => void> {
    // Whoever has gone asks for nothing any more.
    if (this.#isClosed) return () => {};
    if (frame instanceof EnvelopeError) return () => this.socket.sendText(errorFrame(frame.id, frame));
    try {
      return await this.#run(frame);
    } catch (error) {
      return () => this.#refuse(frame, error);
    }
  }

  async #run(frame: Envelope): Promise<() => void> {
    if (!this.#negotiated && frame.type !== "control.version") {
      throw new ZssError("protocol_mismatch", "Cannot run an operation: control.version must be negotiated first", {
        hint: 'send control.version {"protocol":"unified-v2"}',
      });
    }
    if (pushedTypes.has(frame.type)) {
      throw new ZssError("unsupported", `Cannot run ${frame.type}: unsupported control operation`, {
        hint: "the server sends this type, clients do not",
      });
    }
    const operation = byType.get(frame.type);
    if (operation === undefined) {
      throw new ZssError("invalid_envelope", `Cannot run ${frame.type.slice(0, 100)}: UnsupportedType`, {
        path: "/type",
      });
    }
    try {
      const text = okFrame(replyType(operation.name), frame.id, await this.#carryOut(operation, frame));
      const after = this.#takeAfterReply();
      return () => {
        this.socket.sendText(text);
        after?.();
      };
    } catch (error) {
      this.#takeAfterReply();
      throw error;
    }
  }

  /** Runs an operation if it may run, and writes down what has to be. */
  async #carryOut(operation: Operation, frame: Envelope): Promise<unknown> {
    let about: AuditNote = {};
    const context = {
      plane: this.#plane,
      session: this,
      note: (note: AuditNote) => about = { ...about, ...note },
    };
    try {
      about = { rule: this.#permit(operation, frame) };
      const payload = await operation.run(context, frame.payload);
      this.#plane.meters.ran(operation.name);
      const isAudited = operation.scope !== undefined || operation.isAudited === true;
      if (isAudited && about.isSilent !== true) this.#audit(operation, frame, about);
      return payload;
    } catch (error) {
      this.#auditRefusal(operation, frame, about, error);
      throw error;
    }
  }

  #sessionOf(key: string | undefined): { readonly key: string; readonly binding: Binding } {
    const name = key ?? this.bindings.activeKey;
    try {
      return { key: name, binding: this.bindings.get(name) };
    } catch (cause) {
      if (!(cause instanceof ZssError)) throw cause;
      throw new ZssError("session_not_found", cause.message, { path: "/session_key", hint: cause.hint, cause });
    }
  }

  /** The world is for who has a token and a project. */
  #permitRuntime(type: string): void {
    const decision = mayCall(this.actor, "member");
    if (!decision.allowed) {
      throw new ZssError("forbidden", `Cannot run ${type}: ${decision.reason}`, {
        hint: decision.hint,
        data: { rule: decision.rule },
      });
    }
    if (this.gate !== undefined) throw gateError(this.gate, type);
  }

  /** Runs an operation that a file stands for, with its rights and its line in the audit log. */
  async #runNamed(name: string, payload: unknown): Promise<unknown> {
    const type = `control.${name}`;
    const operation = byType.get(type);
    if (operation === undefined) throw new TypeError(`No operation is named ${name}`);
    const frame: Envelope = {
      ...{ channel: "control", type, id: "acheron", correlation_id: undefined, payload },
      ...{ session_key: undefined, members: {} },
    };
    return await this.#carryOut(operation, frame);
  }

  /** Whether the operation may run at all. Returns the rule that says so. @throws {ZssError} Otherwise. */
  #permit({ name, access, scope, needsProject }: Operation, frame: Envelope): string {
    const decision = mayCall(this.actor, access, scope);
    if (!decision.allowed) {
      throw new ZssError("forbidden", `Cannot run ${name}: ${decision.reason}`, {
        hint: decision.hint,
        data: { rule: decision.rule },
      });
    }
    if (scope !== undefined) {
      if (frame.id === undefined && frame.correlation_id === undefined) {
        throw new ZssError(
          "correlation_required",
          `Cannot run ${name}: the request has neither id nor correlation_id`,
          {
            path: "/id",
            hint: "what is changed is written down under the id of its request",
          },
        );
      }
      checkScopeToken(this.#plane.scopeTokens, scope, name, frame.payload);
    }
    if (needsProject === true && this.gate !== undefined) throw gateError(this.gate, name);
    return decision.rule;
  }

  #audit(
    { scope }: Pick<Operation, "scope">,
    frame: Pick<Envelope, "type" | "correlation_id"> & Partial<Pick<Envelope, "id">>,
    about: AuditNote,
    code: string | null = null,
  ): void {
    const { actor } = this;
    this.#plane.audit.write({
      timestamp_ms: this.#plane.clock.now(),
      role: actor.role,
      actor: actor.role === "anonymous" ? null : actor.name,
      agent_id: actor.role === "anonymous" ? null : this.bindings.active.agent_id,
      control_type: frame.type,
      scope: scope ?? "none",
      target: about.target ?? null,
      correlation_id: frame.correlation_id ?? frame.id ?? null,
      result: code === null ? "ok" : "error",
      error_code: code,
      rule: about.rule ?? null,
    });
  }

  /** What failed is written down when it would have been, or when somebody was turned away. */
  #auditRefusal(operation: Operation, frame: Envelope, about: AuditNote, error: unknown): void {
    const code = error instanceof ZssError ? error.code : "control_plane_error";
    if (this.actor.role === "anonymous" && !this.#plane.anonymousRefusals.take()) return;
    if (operation.scope === undefined && operation.isAudited !== true && !DENIALS.has(code)) return;
    const rule = error instanceof ZssError ? error.data?.["rule"] : undefined;
    this.#audit(operation, frame, typeof rule === "string" ? { ...about, rule } : about, code);
  }

  #takeAfterReply(): (() => void) | undefined {
    const action = this.#afterReply;
    this.#afterReply = undefined;
    return action;
  }

  #refuse(frame: Envelope, error: unknown): void {
    const correlation = frame.correlation_id ?? frame.id;
    if (error instanceof ZssError) {
      this.socket.sendText(errorFrame(frame.id, error, correlation));
      if (error.code === "protocol_mismatch") this.socket.close(1002, "protocol_mismatch");
      return;
    }
    log.error("Operation {type} failed: {error}", { type: frame.type, error });
    const fault = new ZssError("control_plane_error", `Cannot run ${frame.type}: a fault of the server`, {
      hint: "the server's log says more",
    });
    this.socket.sendText(errorFrame(frame.id, fault, correlation));
  }
}
