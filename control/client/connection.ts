/**
 * A connection to a control plane.
 *
 * Opens the WebSocket, agrees on the protocol, matches answers with questions
 * and hands pushed frames to whoever listens. It does not reconnect: that is a
 * decision of whoever uses it.
 *
 * @module
 */

import type { Clock } from "../../drivers/process/clock.ts";
import { CONTROL_PROTOCOL, isObject } from "../protocol/envelope.ts";
import { errorText, ZssError } from "../protocol/errors.ts";
import { MAX_JSON_DEPTH, parseJson, stringifyJson } from "../protocol/json.ts";
import { openSocket, unknownToken } from "./socket.ts";
import type { SocketOptions, TextSocket } from "./text_socket.ts";

/** How long a control operation may take, in milliseconds. */
const CALL_TIMEOUT_MS = 15_000;

/** How long a message of the runtime channel may take, in milliseconds; longer than a node has for its answer. */
const MESSAGE_TIMEOUT_MS = 60_000;

/** What the key of a message begins with, so that none is taken for that of an operation. */
const TAG = "tag ";

/** Where to connect and as whom. */
export interface ConnectOptions extends SocketOptions {
  readonly clock: Clock;
  /** What to bind the session to. */
  readonly attach?: SessionTarget | undefined;
}

/** What a session is bound to. */
export interface SessionTarget {
  readonly agent_id: string;
  readonly project_id: string;
  readonly project_token?: string;
}

/** A frame that the server pushed. */
export interface PushedFrame {
  readonly type: string;
  readonly payload: unknown;
}

interface PendingCall {
  readonly resolve: (payload: Record<string, unknown>) => void;
  readonly reject: (error: Error) => void;
}

/** A connection whose protocol has been agreed. */
export class ControlConnection {
  readonly #socket: TextSocket;
  readonly #clock: Clock;
  readonly #pending = new Map<string, PendingCall>();
  readonly #listeners = new Set<(frame: PushedFrame) => void>();
  #nextId = 1;
  #nextTag = 1;
  #closed = false;
  #refusal: ZssError | undefined;

  /** Settles when the connection has ended, whoever ended it; says why. */
  readonly ended: Promise<ZssError>;

  private constructor(socket: TextSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.ended = new Promise((resolve) => {
      socket.onClose((reason) => {
        this.#closed = true;
        const error = new ZssError("connection_lost", `Cannot go on: the connection to the server ended (${reason})`, {
          hint: "check that the server runs, then try again",
        });
        for (const call of this.#pending.values()) call.reject(error);
        this.#pending.clear();
        resolve(error);
      });
    });
    socket.onText((text) => this.#receive(text));
  }

  /**
   * Connects, agrees on the protocol and says hello.
   *
   * @throws {ZssError} `unreachable`, `tls_failed`, `provider_auth_failed`, `protocol_mismatch` and what `connect` answers.
   */
  static async open(options: ConnectOptions): Promise<ControlConnection> {
    const socket = await openSocket(options);
    const connection = new ControlConnection(socket, options.clock);
    try {
      await connection.call("version", { protocol: CONTROL_PROTOCOL });
      await connection.#connect(options.attach);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Says hello and binds the session; a user whose session is bound to nothing yet is connected all the same. */
  async #connect(attach: SessionTarget | undefined): Promise<void> {
    try {
      await this.call("connect", {});
    } catch (error) {
      const isGate = error instanceof ZssError && ["provisioning_required", "last_target_invalid"].includes(error.code);
      if (!isGate) throw error;
    }
    if (attach !== undefined) await this.call("session_attach", { session_key: "main", ...attach });
  }

  /**
   * Runs one operation and returns the payload of its answer.
   *
   * @param name Operation without its prefix, for example `node_list`.
   * @throws {ZssError} What the server refused with, `timeout` or `connection_lost`.
   */
  call(name: string, payload: unknown): Promise<Record<string, unknown>> {
    const id = `zss-${this.#nextId++}`;
    return this.#ask(name, id, { channel: "control", type: `control.${name}`, id, payload }, CALL_TIMEOUT_MS);
  }

  /** Sends a frame and waits for the one that answers it, which is known by `id`. */
  #ask(name: string, id: string, frame: object, timeoutMs: number | null): Promise<Record<string, unknown>> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    if (this.#closed) {
      return Promise.reject(new ZssError("connection_lost", `Cannot run ${name}: the connection has ended`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Record<string, unknown>>();
    const cancel = timeoutMs === null ? () => {} : this.#clock.after(timeoutMs, () => {
      this.#pending.delete(id);
      reject(
        new ZssError("timeout", `Cannot run ${name}: no answer within ${timeoutMs / 1000} s`, {
          hint: "the server may be overloaded; try again",
        }),
      );
    });
    this.#pending.set(id, {
      resolve: (answer) => {
        cancel();
        resolve(answer);
      },
      reject: (error) => {
        cancel();
        reject(error);
      },
    });
    this.#socket.send(stringifyJson(frame));
    return promise;
  }

  /**
   * Sends one message of the runtime channel and returns the payload of its answer; see {@linkcode WorldTree}, which
   * makes a tree of them.
   *
   * @param name Message without its prefix, for example `t_walk`.
   * @param timeoutMs How long the answer may take, in milliseconds; `null` for as long as it wants.
   * @throws {ZssError} What the server refused with, `timeout` or `connection_lost`.
   */
  message(
    name: string,
    members: Readonly<Record<string, unknown>>,
    timeoutMs: number | null = MESSAGE_TIMEOUT_MS,
  ): Promise<Record<string, unknown>> {
    const tag = this.#nextTag;
    this.#nextTag = this.#nextTag % 0xffff_ffff + 1;
    const frame = { channel: "acheron", type: `acheron.${name}`, tag, ...members };
    return this.#ask(name, `${TAG}${tag}`, frame, timeoutMs);
  }

  /** Calls `listener` for each pushed frame. Returns the function that ends it. */
  onPush(listener: (frame: PushedFrame) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes nothing more until `resume`, so that the server finds out that nobody keeps up. */
  pause(): void {
    this.#socket.pause();
  }

  /** Goes on after `pause`. */
  resume(): void {
    this.#socket.resume();
  }

  /** Ends the connection. */
  close(): void {
    this.#socket.close();
  }

  #receive(text: string): void {
    let frame: unknown;
    try {
      // A server shows what it was sent within what it says of it, so its frames are deeper than what it takes.
      frame = parseJson(text, { maxDepth: 2 * MAX_JSON_DEPTH });
    } catch (cause) {
      // To leave a frame out would be to lose an event without a word.
      this.#refusal = new ZssError("remote_error", `Cannot read what the server sent: ${errorText(cause)}`, {
        hint: "check the address: is it a zss server?",
        cause,
      });
      for (const call of this.#pending.values()) call.reject(this.#refusal);
      this.#pending.clear();
      this.#socket.close();
      return;
    }
    if (!isObject(frame) || typeof frame["type"] !== "string") return;
    const { id, type, payload } = frame;
    if (type === "error" && typeof frame["code"] === "string") {
      // The reference's refusal from before a protocol was agreed; it answers whatever was asked.
      // It may come before the first question, so it is kept for that one.
      this.#refusal = frame["code"] === "provider_auth_failed" ? unknownToken("the server") : remoteError(frame);
      for (const call of this.#pending.values()) call.reject(this.#refusal);
      this.#pending.clear();
      return;
    }
    const key = frame["channel"] === "acheron" ? `${TAG}${frame["tag"]}` : id;
    const call = typeof key === "string" ? this.#pending.get(key) : undefined;
    if (call === undefined) {
      const pushed = frame["error"] === undefined ? payload : frame["error"];
      for (const listener of this.#listeners) listener({ type, payload: pushed });
      return;
    }
    this.#pending.delete(String(key));
    if (frame["ok"] === true) call.resolve(isObject(payload) ? payload : {});
    else call.reject(remoteError(frame["error"]));
  }
}

/** The error that a server sent. */
export function remoteError(error: unknown): ZssError {
  const members = isObject(error) ? error : {};
  const text = (name: string) => typeof members[name] === "string" ? String(members[name]) : undefined;
  return new ZssError(text("code") ?? "remote_error", text("message") ?? "The server refused without a reason", {
    hint: text("hint"),
    path: text("path"),
    data: isObject(members["data"]) ? members["data"] : undefined,
  });
}
