/**
 * The JSON object that a command takes as an argument.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { isObject } from "../control/protocol/envelope.ts";
import { errorText } from "../control/protocol/errors.ts";
import { parseJson } from "../control/protocol/json.ts";
import { usageError } from "./errors.ts";
import type { CliContext } from "./io.ts";

/**
 * Reads a payload: the text itself, `@FILE` for what stands in a file, `-` for standard input.
 *
 * @param what What cannot be done without it, as a verb and its object.
 * @returns Its text, as it was given.
 * @throws {ZssError} `usage` when it cannot be read or is no JSON object.
 */
export async function readPayload({ io }: CliContext, given: string, what: string): Promise<string> {
  const [text, from] = await textOf(io, given, what);
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw usageError(`Cannot ${what}: the payload${from} is no JSON (${errorText(error)})`);
  }
  if (!isObject(value)) throw usageError(`Cannot ${what}: the payload${from} must be a JSON object`);
  return text;
}

async function textOf(
  io: CliContext["io"],
  given: string,
  what: string,
): Promise<readonly [text: string, from: string]> {
  if (given === "-") return [new TextDecoder().decode(await io.readStdin()), " from standard input"];
  if (!given.startsWith("@")) return [given, ""];
  const file = given.slice(1);
  try {
    return [await readFile(file, "utf8"), ` in "${file}"`];
  } catch (error) {
    throw usageError(
      `Cannot ${what}: the payload cannot be read from "${file}": ${errorText(error)}`,
      "@ before a payload means the name of a file",
    );
  }
}
