/**
 * The alphabets of names: what an id, a label or a path on the wire may look like.
 *
 * Lengths are bytes of UTF-8, as in the reference; for identifiers that is the
 * number of characters.
 *
 * @module
 */

import { z } from "zod";

const identifierPattern = /^[A-Za-z0-9._-]+$/;
// deno-lint-ignore no-control-regex -- control characters are exactly what is refused
const noControlCharacters = /^[^\u0000-\u001f]*$/;

/** Number of bytes that `text` takes in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else if (unit >= 0xd800 && unit < 0xdc00 && i + 1 < text.length) {
      bytes += 2;
      i++;
    } else bytes += 2;
  }
  return bytes;
}

/** Whether `text` is 1 to `max` characters of `[A-Za-z0-9._-]`. */
export function isIdentifier(text: string, max = 128): boolean {
  return text.length >= 1 && text.length <= max && identifierPattern.test(text);
}

/** Schema of an identifier of at most `max` characters. */
export function identifier(max: number): z.ZodString {
  return z.string().min(1, "must not be empty").max(max, `must have at most ${max} characters`)
    .regex(identifierPattern, "may hold only letters, digits, dot, underscore and hyphen");
}

/** Schema of text for people: `min` to `max` bytes, no control characters. */
export function displayText(max: number, min = 1): z.ZodString {
  return z.string()
    .refine((text) => utf8Length(text) >= min, min === 1 ? "must not be empty" : `must have at least ${min} bytes`)
    .refine((text) => utf8Length(text) <= max, `must have at most ${max} bytes`)
    .regex(noControlCharacters, "must not hold control characters");
}

/** Schema of an absolute path on the wire: starts with `/`, at most 512 bytes. */
export const absolutePath: z.ZodString = z.string()
  .regex(/^\//, 'must start with "/"')
  .refine((text) => utf8Length(text) <= 512, "must have at most 512 bytes");
