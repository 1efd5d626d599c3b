/**
 * Reads the documents that clients write to the trigger files.
 *
 * @module
 */

import { isObject } from "../../control/protocol/envelope.ts";
import { errorText } from "../../control/protocol/errors.ts";
import type { FsError } from "../../control/protocol/fs.ts";
import { parseJson } from "../../control/protocol/json.ts";
import { invalidPayload, type WrittenDocument } from "../namespace/service_port.ts";

const SPACE = new Set([0x20, 0x09, 0x0d, 0x0a]);
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The part of a document between the spaces, tabs and line ends around it; shares its memory. */
export function trimmed(document: Uint8Array): Uint8Array {
  let start = 0;
  let end = document.length;
  while (start < end && SPACE.has(document[start] ?? 0)) start++;
  while (end > start && SPACE.has(document[end - 1] ?? 0)) end--;
  return document.subarray(start, end);
}

/**
 * Whether something is to be done with a document: it is finished, and not blank.
 *
 * @throws {FsError} `EINVAL` when nothing that is still written could make it a JSON object.
 */
export function isFinished({ form, fault }: WrittenDocument): boolean {
  if (form === "broken") throw invalidPayload(fault);
  return form === "whole";
}

/** The refusal of a document that ends in the middle. @param length In bytes. */
export function endedTooSoon(length: number): FsError {
  return invalidPayload(`the payload ended before its closing brace, after ${length} bytes`);
}

/**
 * Reads a trimmed document that must be a JSON object.
 *
 * @throws {FsError} `EINVAL service invoke payload invalid: <reason>`, also for `config.json`.
 */
export function requireObject(document: Uint8Array): Record<string, unknown> {
  if (document[0] !== OPEN_OBJECT || document.at(-1) !== CLOSE_OBJECT) {
    throw invalidPayload("a JSON object is wanted, from { to }");
  }
  let value: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(document);
    value = parseJson(text, { bigIntegers: true });
  } catch (cause) {
    throw invalidPayload(cause instanceof TypeError ? "it is no UTF-8 text" : errorText(cause), cause);
  }
  if (!isObject(value)) throw invalidPayload("a JSON object is wanted");
  return value;
}
