/**
 * Tells whoever waits that a command listens, and where.
 *
 * @module
 */

import { writeFile } from "node:fs/promises";
import { errorText, ZssError } from "../control/protocol/errors.ts";

/** Writes `{url, pid}`. @throws {ZssError} `io`. */
export async function writeReadyFile(path: string, url: string): Promise<void> {
  try {
    await writeFile(path, JSON.stringify({ url, pid: Deno.pid }) + "\n", { mode: 0o600 });
  } catch (cause) {
    throw new ZssError("io", `Cannot write the ready file "${path}": ${errorText(cause)}`, {
      hint: "make its folder first, or name another file with --ready-file",
      cause,
    });
  }
}
