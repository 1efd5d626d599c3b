/**
 * Which names and pages a server answers to besides its own, as the operator writes them.
 *
 * @module
 */

import { usageError } from "./errors.ts";
import type { CliIo } from "./io.ts";

/** A host without scheme, port and path, as `--allowed-host` takes it. */
export function hostWord(text: string): string {
  if (/^([a-z0-9._-]+|\[?[0-9a-f:.]*:[0-9a-f:.]*\]?)$/i.test(text) && !/^[^:]+:[0-9]+$/.test(text)) return text;
  throw new SyntaxError("a name or an address without scheme and port is wanted, for example zss.example");
}

/** A page's origin, as `--allowed-origin` takes it. */
export function originWord(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin = url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
  if (isOrigin && !text.includes("*")) return url.origin;
  throw new SyntaxError("an origin is wanted, for example https://dash.example");
}

/**
 * What flags and a variable allow together.
 *
 * @param name Variable with a list in which commas separate.
 * @throws {ZssError} `usage` when `read` refuses an item of the variable.
 */
export function allowedList(
  flags: readonly string[],
  env: CliIo["env"],
  name: string,
  read: (text: string) => string,
): string[] {
  const listed = (env[name] ?? "").split(",").map((item) => item.trim()).filter((item) => item !== "");
  return [
    ...flags,
    ...listed.map((item) => {
      try {
        return read(item);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        throw usageError(`Cannot use "${item}" of ${name}: ${error.message}`);
      }
    }),
  ];
}
