/**
 * How known secrets look.
 *
 * @module
 */

/** Each with what it is called in a message. Lengths are bounded, so that no text makes the search slow. */
export const KNOWN_SECRETS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----/, "a private key"],
  [/\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/, "an AWS access key"],
  [/\bgh[pousr]_[A-Za-z0-9]{36,100}\b|\bgithub_pat_[A-Za-z0-9_]{22,200}\b/, "a GitHub token"],
  [/\bglpat-[A-Za-z0-9_-]{20,100}/, "a GitLab token"],
  [/\bxox[abeoprs]-[A-Za-z0-9-]{10,100}/, "a Slack token"],
  [/\bsk-[A-Za-z0-9_-]{20,200}/, "an API key"],
  [/\bAIza[0-9A-Za-z_-]{35}\b/, "a Google API key"],
  [/\beyJ[A-Za-z0-9_-]{10,500}\.[A-Za-z0-9_-]{10,500}\.[A-Za-z0-9_-]{5,200}/, "a JSON web token"],
  [/\b(?:inv|secret|lease|proj)-[0-9a-f]{32}\b|\bsw-(?:admin|user)_[A-Za-z0-9_-]{32}/, "a token of zss"],
  [/[a-z][a-z0-9+.-]{1,20}:\/\/[^/\s:@"]{1,100}:[^/\s:@"]{3,100}@/i, "a password in an address"],
];

/** What every known secret holds, as few and plain letters as will do: nearly every text holds none of it. */
const MARKS = /-----BEGIN|A[KS]IA|gh[pousr]_|github_pat_|glpat-|xox|sk-|AIza|eyJ|inv-|secret-|lease-|proj-|sw-|:\/\//;

/** Whether a text could hold a known secret; quick. */
export function mayHoldSecret(text: string): boolean {
  return text.length >= 16 && MARKS.test(text);
}

/** The text with every known secret replaced by dots of the same length. */
export function maskSecrets(text: string): string {
  if (!mayHoldSecret(text)) return text;
  return KNOWN_SECRETS.reduce(
    (masked, [pattern]) =>
      masked.replace(new RegExp(pattern, `g${pattern.flags}`), (found) => "•".repeat(found.length)),
    text,
  );
}
