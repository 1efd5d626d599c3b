/**
 * Readers of flag values. Each refuses with a sentence that the command line shows.
 *
 * @module
 */

/** A whole number in a range. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new SyntaxError(`a whole number from ${min} to ${max} is wanted`);
  };
}

/** Text as it is; refuses the empty one. */
export function nonEmpty(text: string): string {
  if (text === "") throw new SyntaxError("it must not be empty");
  return text;
}
