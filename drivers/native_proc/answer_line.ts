/**
 * The lines between the node and a persistent process.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { callLine, readAnswer } from "./answer_line.ts";
 *
 * const encode = (text: string) => new TextEncoder().encode(text);
 * const line = callLine("c-1", encode('{"text":\n"hi"}'), 1_700_000_000_000);
 * assert.equal(
 *   new TextDecoder().decode(line),
 *   '{"call_id":"c-1","payload":{"text": "hi"},"deadline_ms":1700000000000}\n',
 * );
 * const answer = readAnswer(encode('{"call_id":"c-1","ok":true,"result":{"n":1.0}}'));
 * assert.ok(answer.ok && answer.result === '{"n":1.0}');
 * ```
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** What a process says about one call, or what is wrong with the line. */
export type Answer =
  | { readonly ok: true; readonly call_id: string; readonly result: string; readonly log: string }
  | { readonly ok: false; readonly call_id: string; readonly error: string; readonly log: string }
  /** `call_id` where one could be read; `reason` is a clause that goes on from "it wrote a line that". */
  | { readonly ok?: never; readonly call_id: string | undefined; readonly reason: string };

const strictText = new TextDecoder("utf-8", { fatal: true });
const patientText = new TextDecoder();

/**
 * Writes a call as a line: LF at its end, and nothing within it that any reader takes for the end of a line.
 *
 * CR and LF can only stand between the words of JSON and become spaces; U+0085, U+2028 and U+2029 can only stand in
 * strings and are escaped, since the readers of some languages cut lines there. All else stays as it is, byte for byte.
 *
 * @param payload The text of a JSON object.
 * @param deadlineMs Until when an answer is waited for, in milliseconds since the Unix epoch.
 */
export function callLine(callId: string, payload: Uint8Array, deadlineMs: number): Uint8Array {
  const head = Buffer.from(`{"call_id":${JSON.stringify(callId)},"payload":`);
  const tail = Buffer.from(`,"deadline_ms":${deadlineMs}}\n`);
  return Buffer.concat([head, ...withoutLineEnds(payload), tail]);
}

const NEL = Buffer.from("\\u0085");
const LINE_SEPARATOR = Buffer.from("\\u2028");
const PARAGRAPH_SEPARATOR = Buffer.from("\\u2029");

/** The text in parts, on one line for every reader; what is passed stays as it is. */
function withoutLineEnds(payload: Uint8Array): Uint8Array[] {
  const text = new Uint8Array(payload);
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] ?? 0;
    // Nearly every byte of nearly every payload is between these two.
    if (byte > 0x0d && byte < 0xc2) continue;
    if (byte === 0x0a || byte === 0x0d) {
      text[at] = 0x20;
      continue;
    }
    const escape = escapeAt(text, at);
    if (escape === undefined) continue;
    parts.push(text.subarray(start, at), escape);
    start = at + (byte === 0xc2 ? 2 : 3);
    at = start - 1;
  }
  parts.push(text.subarray(start));
  return parts;
}

/** What stands for the separator that begins there; no other character of UTF-8 holds its first byte elsewhere. */
function escapeAt(text: Uint8Array, at: number): Uint8Array | undefined {
  if (text[at] === 0xc2) return text[at + 1] === 0x85 ? NEL : undefined;
  if (text[at] !== 0xe2 || text[at + 1] !== 0x80) return undefined;
  if (text[at + 2] === 0xa8) return LINE_SEPARATOR;
  return text[at + 2] === 0xa9 ? PARAGRAPH_SEPARATOR : undefined;
}

/** Reads a line of a process. The text of `result` is as the process wrote it, byte for byte. */
export function readAnswer(line: Uint8Array): Answer {
  let text: string;
  let isText = true;
  try {
    text = strictText.decode(line);
  } catch {
    text = patientText.decode(line);
    isText = false;
  }
  const members = parsed(text);
  if (members === undefined) return { call_id: undefined, reason: `is no JSON object: ${shortened(text)}` };
  const { call_id, ok, error, log } = members;
  if (typeof call_id !== "string") return { call_id: undefined, reason: `has no call_id: ${shortened(text)}` };
  if (!isText) return { call_id, reason: "is not UTF-8" };
  if (typeof ok !== "boolean") return { call_id, reason: `has no "ok" that is true or false: ${shortened(text)}` };
  const words = log === undefined || log === null ? "" : typeof log === "string" ? log : JSON.stringify(log);
  if (ok) return { ok, call_id, result: memberText(text, "result") ?? "", log: words };
  return { ok, call_id, error: typeof error === "string" ? error : JSON.stringify(error) ?? "", log: words };
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shortened(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}

/**
 * The text of a member of an object, as it was written: numbers keep their form, which parsing would change.
 *
 * @param text A JSON object, known to be one.
 */
export function memberText(text: string, name: string): string | undefined {
  let found: string | undefined;
  let at = text.indexOf("{") + 1;
  for (;;) {
    const keyStart = text.indexOf('"', at);
    if (keyStart < 0) return found;
    const keyEnd = endOfString(text, keyStart);
    const start = skipSpace(text, text.indexOf(":", keyEnd) + 1);
    const end = endOfValue(text, start);
    // The last one counts, as it does for JSON.parse.
    if (JSON.parse(text.slice(keyStart, keyEnd)) === name) found = text.slice(start, end);
    at = skipSpace(text, end) + 1;
  }
}

function skipSpace(text: string, at: number): number {
  while (/\s/.test(text.charAt(at))) at++;
  return at;
}

function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1);; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
}

function endOfValue(text: string, start: number): number {
  const first = text[start];
  if (first === '"') return endOfString(text, start);
  if (first !== "{" && first !== "[") {
    const end = /[,}\]\s]/g;
    end.lastIndex = start;
    return end.exec(text)?.index ?? text.length;
  }
  const mark = /["{}[\]]/g;
  mark.lastIndex = start;
  for (let depth = 0, found = mark.exec(text); found !== null; found = mark.exec(text)) {
    if (found[0] === '"') mark.lastIndex = endOfString(text, found.index);
    else depth += found[0] === "{" || found[0] === "[" ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return text.length;
}
