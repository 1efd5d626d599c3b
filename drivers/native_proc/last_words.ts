/**
 * What a program wrote to standard error before its end, for a sentence.
 *
 * @module
 */

const LONGEST = 300;

/** The last line that says something, shortened; "" when there is none. Bytes that are no text are replaced. */
export function lastLine(bytes: Uint8Array): string {
  const lines = new TextDecoder().decode(bytes).split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const line = lines.at(-1) ?? "";
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}
