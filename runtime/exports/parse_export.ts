/**
 * Reads what `--export` says: `name=path[:ro|:rw][:cred=<handle>]`.
 *
 * @module
 */

import { isIdentifier, ZssError } from "../../control/protocol/mod.ts";

/** A folder to serve. */
export interface ExportSpec {
  readonly name: string;
  readonly path: string;
  /** What was asked for; `undefined` when nothing was. */
  readonly mode: "ro" | "rw" | undefined;
}

/** @throws {ZssError} `invalid_export`. */
export function parseExport(text: string): ExportSpec {
  const refuse = (reason: string) =>
    new ZssError("invalid_export", `Cannot read --export "${text}": ${reason}`, {
      hint: "for example --export work=.:ro",
    });
  const equals = text.indexOf("=");
  if (equals < 1) throw refuse("a name and a path with = between them are wanted");
  const name = text.slice(0, equals);
  if (!isIdentifier(name)) throw refuse(`name "${name}" may hold only letters, digits, dot, underscore and hyphen`);
  let path = text.slice(equals + 1);
  let mode: "ro" | "rw" | undefined;
  // Endings may stand in any order; the one nearest the path wins. A drive letter is no ending.
  for (;;) {
    const ending = /:(ro|rw|cred=([^:]+))$/.exec(path);
    if (ending === null) break;
    if (ending[1] === "ro" || ending[1] === "rw") mode = ending[1];
    path = path.slice(0, ending.index);
  }
  if (path === "") throw refuse("the path is empty");
  return { name, path, mode };
}
