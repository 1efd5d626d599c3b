/**
 * Reads what `--export` says: `name=path[:ro|:rw][:cred=<handle>]`.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseExport } from "./parse_export.ts";
 *
 * const spec = parseExport("work=D:\\Projects:ro");
 * assert.deepEqual(spec, { name: "work", path: "D:\\Projects", mode: "ro", cred: undefined });
 * ```
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
  /** Handle of the credentials that a source other than a folder needs. */
  readonly cred?: string | undefined;
}

/**
 * Reads one export.
 *
 * The endings may stand in any order and repeatedly; of several of one kind the
 * one nearest the path holds. A colon that begins no ending belongs to the path.
 *
 * @throws {ZssError} `invalid_export`.
 */
export function parseExport(text: string): ExportSpec {
  const refuse = (reason: string) =>
    new ZssError("invalid_export", `Cannot read --export "${text}": ${reason}`, {
      hint: "for example --export work=shared:ro",
    });
  const equals = text.indexOf("=");
  if (equals < 0) throw refuse('"=" is missing between the name and the path');
  const name = text.slice(0, equals);
  if (name === "") throw refuse("the name is empty");
  if (!isIdentifier(name)) {
    throw refuse(`name "${name}" must have 1 to 128 letters, digits, dots, underscores and hyphens`);
  }
  let path = text.slice(equals + 1);
  let mode: ExportSpec["mode"];
  let cred: string | undefined;
  for (;;) {
    const ending = /:(?:(ro|rw)|cred=([^:]*))$/.exec(path);
    if (ending === null) break;
    if (ending[1] === "ro" || ending[1] === "rw") mode = ending[1];
    else if (ending[2] === "") throw refuse("the handle after cred= is empty");
    else cred = ending[2];
    path = path.slice(0, ending.index);
  }
  if (path === "") throw refuse("the path is empty");
  if (path.includes("\0")) throw refuse("the path holds a NUL character");
  return { name, path, mode, cred };
}
