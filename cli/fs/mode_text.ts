/**
 * The mode of a file as `ls` writes it.
 *
 * @module
 */

const KINDS: Readonly<Record<number, string>> = { 0o040000: "d", 0o120000: "l", 0o100000: "-" };

/** Type and permissions, for example `drwxr-xr-x`. */
export function modeText(mode: number): string {
  const bits = ["r", "w", "x"];
  const permissions = Array.from({ length: 9 }, (_, index) => mode & (0o400 >> index) ? bits[index % 3] : "-").join("");
  return `${KINDS[mode & 0o170000] ?? "?"}${permissions}`;
}
