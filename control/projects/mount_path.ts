/**
 * Paths under which a project shows folders.
 *
 * @module
 */

import { ZssError } from "../protocol/errors.ts";

/** Longest path that is taken, in characters. */
const MAX_LENGTH = 1024;

/**
 * One spelling for one path: a single `/` at the beginning and between names, none at the end.
 *
 * @throws {ZssError} `invalid_payload` for an empty path, one that holds `.` or `..`, and one with control characters.
 */
export function normalMountPath(path: string, pointer = "/mount_path"): string {
  const names = path.trim().split("/").filter((name) => name !== "");
  const refuse = (why: string) => {
    throw new ZssError("invalid_payload", `Cannot mount at "${path.slice(0, 100)}": ${why}`, {
      path: pointer,
      hint: "for example /src or /data/cameras",
    });
  };
  if (path.trim() === "") refuse("the path is empty");
  if (path.length > MAX_LENGTH) refuse(`the path has more than ${MAX_LENGTH} characters`);
  if (names.some((name) => name === "." || name === "..")) refuse('the path holds "." or ".."');
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\x7f\\]/.test(path)) refuse("the path holds a backslash or a control character");
  return `/${names.join("/")}`;
}

/** Whether one path stands below the other, so that both cannot be mounted; equal paths do not. */
export function overlaps(one: string, other: string): boolean {
  if (one === other) return false;
  const within = (path: string, root: string) => root === "/" || path.startsWith(`${root}/`);
  return within(one, other) || within(other, one);
}
