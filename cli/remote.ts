/**
 * How a command reaches the server.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import type { ControlConnection } from "../control/client/mod.ts";
import { errorText, ZssError } from "../control/protocol/errors.ts";
import { usageError } from "./errors.ts";
import type { CliContext } from "./io.ts";

/** Address and token that the flags and the environment name. */
export async function remoteOf({ io, globals }: CliContext): Promise<{ url: string; token: string | undefined }> {
  const url = globals.url ?? io.env["ZSS_URL"] ?? io.env["SPIDERWEB_URL"] ?? "ws://127.0.0.1:18790";
  if (globals.tokenFile !== undefined) return { url, token: await readToken(globals.tokenFile, "--token-file") };
  const token = (io.env["ZSS_TOKEN"] ?? io.env["SPIDERWEB_AUTH_TOKEN"] ?? "").trim();
  return { url, token: token === "" ? undefined : token };
}

/** Reads a token from a file of its own. */
export async function readToken(path: string, flag: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new ZssError("io", `Cannot read the token file "${path}": ${errorText(cause)}`, {
      hint: `check ${flag}`,
      cause,
    });
  }
  const token = text.trim();
  if (token === "" || /\s/.test(token)) {
    throw usageError(`Cannot use the token file "${path}": it must hold one token and nothing else`);
  }
  return token;
}

/** Connects, runs `work` and closes the connection whatever happens. */
export async function withConnection<T>(
  context: CliContext,
  work: (connection: ControlConnection) => Promise<T>,
): Promise<T> {
  const { ControlConnection } = await import("../control/client/mod.ts");
  const remote = await remoteOf(context);
  const connection = await ControlConnection.open({ ...remote, clock: context.io.clock });
  try {
    return await work(connection);
  } finally {
    connection.close();
  }
}
