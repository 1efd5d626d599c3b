/**
 * How a command reaches the server.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import type { ControlConnection, SocketOptions } from "../control/client/mod.ts";
import { errorText, ZssError } from "../control/protocol/errors.ts";
import { trustedCa } from "./ca.ts";
import { usageError } from "./errors.ts";
import type { CliContext } from "./io.ts";

/** Address, token and trusted certificates that the flags and the environment name. */
export async function remoteOf(context: CliContext): Promise<SocketOptions & { readonly token: string | undefined }> {
  const { io, globals } = context;
  const ca = await trustedCa(context);
  const url = globals.url ?? io.env["ZSS_URL"] ?? io.env["SPIDERWEB_URL"] ?? "ws://127.0.0.1:18790";
  if (globals.tokenFile !== undefined) return { url, ca, token: await readToken(globals.tokenFile, "--token-file") };
  const token = (io.env["ZSS_TOKEN"] ?? io.env["SPIDERWEB_AUTH_TOKEN"] ?? "").trim();
  return { url, ca, token: token === "" ? undefined : token };
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
