/**
 * Colour, for those who look.
 *
 * @module
 */

/** Colours for a stream that wants them; otherwise the text as it is. */
export interface Paint {
  dim(text: string): string;
  bold(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  red(text: string): string;
}

/** Colour only where a person looks, and not where `NO_COLOR` is set. */
export function paintFor(
  stream: { readonly isTerminal: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Paint {
  const colored = stream.isTerminal && !env["NO_COLOR"];
  const wrap = (code: number) => (text: string) => colored ? `\u001b[${code}m${text}\u001b[0m` : text;
  return { dim: wrap(2), bold: wrap(1), green: wrap(32), yellow: wrap(33), red: wrap(31) };
}
