/**
 * The outside of every control frame.
 *
 * A request is `{channel, type, id?, correlation_id?, payload?}`; its reply
 * repeats the id and is either `{ok: true, payload}` or `{ok: false, error}`.
 * An absent payload means `{}`.
 *
 * Source: docs/protocol.md, "Control envelope".
 *
 * @module
 */

import type { z } from "zod";
import { ZssError } from "./errors.ts";
import { escapePointer, JsonText, parseJson, stringifyJson } from "./json.ts";

/** Version of the control protocol. */
export const CONTROL_PROTOCOL = "unified-v2";
/** Version of the runtime channel. */
export const RUNTIME_PROTOCOL = "acheron-1";
/** Version of the file protocol. */
export const FS_PROTOCOL = "unified-v2-fs";
/** Number of the file protocol. */
export const FS_PROTO = 2;

/** Longest id of a request; it is sent back, and written down. */
const MAX_ID_LENGTH = 256;

/** A frame whose outside is in order. */
export interface Envelope {
  readonly channel: "control" | "acheron";
  readonly type: string;
  readonly id: string | undefined;
  readonly correlation_id: string | undefined;
  readonly payload: unknown;
  /** Key of the session that the frame is about; `undefined` for the active one. */
  readonly session_key: string | undefined;
  /** The whole frame, for channels whose requests have no payload. */
  readonly members: Readonly<Record<string, unknown>>;
}

/** An error as it stands in a frame. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly path?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly correlation_id?: string;
}

/** What could be read of a frame that is out of order, so that its sender can match the refusal. */
export class EnvelopeError extends ZssError {
  readonly id: string | undefined;

  constructor(message: string, id: string | undefined, details: { path?: string; hint?: string } = {}) {
    super("invalid_envelope", message, details);
    this.id = id;
  }
}

/**
 * Reads the outside of a frame.
 *
 * @throws {EnvelopeError} With the frame's id wherever one could be read.
 */
export function parseEnvelope(text: string): Envelope {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    if (!(error instanceof ZssError)) throw error;
    throw new EnvelopeError(error.message, undefined, {
      ...(error.path === undefined ? {} : { path: error.path }),
      hint: "send one JSON object per frame",
    });
  }
  if (!isObject(value)) {
    throw new EnvelopeError(`Cannot read frame: ${kindOf(value)} found where an object is wanted`, undefined);
  }
  const id = typeof value["id"] === "string" ? value["id"] : undefined;
  const channel = requiredString(value, "channel", id);
  const type = requiredString(value, "type", id);
  for (const name of ["id", "correlation_id", "session_key"]) {
    const member = value[name];
    if (typeof member === "string" && member.length > MAX_ID_LENGTH) {
      throw new EnvelopeError(`Cannot read frame: ${name} must have at most ${MAX_ID_LENGTH} characters`, undefined, {
        path: `/${name}`,
      });
    }
    if (member !== undefined && typeof member !== "string") {
      throw new EnvelopeError(`Cannot read frame: ${name} must be a string, ${kindOf(member)} found`, id, {
        path: `/${name}`,
      });
    }
  }
  if (channel !== "control" && channel !== "acheron") {
    throw new EnvelopeError(`Cannot read frame: channel must be "control" or "acheron", "${channel}" found`, id, {
      path: "/channel",
    });
  }
  if (!type.startsWith(`${channel}.`)) {
    throw new EnvelopeError(`Cannot read frame: type "${type}" does not belong to channel "${channel}"`, id, {
      path: "/type",
      hint: `types of this channel begin with "${channel}."`,
    });
  }
  const correlation = value["correlation_id"];
  return {
    channel,
    type,
    id,
    correlation_id: typeof correlation === "string" ? correlation : undefined,
    payload: value["payload"] ?? {},
    session_key: typeof value["session_key"] === "string" ? value["session_key"] : undefined,
    members: value,
  };
}

/** Text of a reply or, without `id`, of a pushed frame. */
export function okFrame(type: string, id: string | undefined, payload: unknown): string {
  const head = JSON.stringify({ channel: "control", type, ...(id === undefined ? {} : { id }), ok: true });
  return `${head.slice(0, -1)},"payload":${payload instanceof JsonText ? payload.text : stringifyJson(payload)}}`;
}

/** Text of a refusal or, without `id`, of a pushed error. */
export function errorFrame(id: string | undefined, error: ZssError, correlationId?: string): string {
  return stringifyJson({
    channel: "control",
    type: "control.error",
    ...(id === undefined ? {} : { id }),
    ok: false,
    error: wireError(error, correlationId),
  });
}

/** The wire form of an error. */
export function wireError(error: ZssError, correlationId?: string): WireError {
  return {
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.path === undefined ? {} : { path: error.path }),
    ...(error.data === undefined ? {} : { data: error.data }),
    ...(correlationId === undefined ? {} : { correlation_id: correlationId }),
  };
}

/** The reference's error from before a protocol was negotiated; the body of every refusal before the upgrade. */
export function legacyError(code: string, message: string, timestampMs: number): string {
  return JSON.stringify({ type: "error", request: "unknown", code, message, timestamp: timestampMs });
}

/**
 * Reads a payload by its schema.
 *
 * @param action What was asked for, for the message: `node_join`.
 * @throws {ZssError} `missing_field` for a member of the payload that is absent
 * or an empty string, else `invalid_payload`; both with `path`.
 */
export function parsePayload<T>(schema: z.ZodType<T>, payload: unknown, action: string): T {
  const result = schema.safeParse(payload);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = issue === undefined ? "" : issue.path.map((part) => `/${escapePointer(String(part))}`).join("");
  const found = valueAt(payload, issue?.path ?? []);
  const missing = issue !== undefined && issue.path.length === 1 && (found === undefined || found === "");
  const reason = missing ? "is required" : issue?.message ?? "is not valid";
  throw new ZssError(
    missing ? "missing_field" : "invalid_payload",
    `Cannot run ${action}: ${path === "" ? "payload" : path.slice(1)} ${reason}`,
    { path },
  );
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let here = value;
  for (const part of path) {
    if (Array.isArray(here)) here = here[Number(part)];
    else if (isObject(here)) here = here[String(part)];
    else return undefined;
  }
  return here;
}

function requiredString(value: Record<string, unknown>, name: string, id: string | undefined): string {
  const member = value[name];
  if (typeof member === "string" && member !== "") return member;
  throw new EnvelopeError(
    member === undefined
      ? `Cannot read frame: ${name} is required`
      : `Cannot read frame: ${name} must be a string, ${kindOf(member)} found`,
    id,
    { path: `/${name}` },
  );
}

/** Whether `value` is a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Name of the JSON kind of `value`, for messages. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (value === "") return "an empty string";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
