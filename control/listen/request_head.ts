/**
 * What the head of a request says of who sent it.
 *
 * Pure: everything is decided before an upgrade is answered, so that a refusal
 * is an HTTP status.
 *
 * @module
 */

/**
 * Whether a browser page of `origin` may connect: one that this server served, or one of `allowed`. No origin means no
 * browser.
 *
 * @param allowed Further origins, as `URL.origin` spells them.
 */
export function originAllowed(
  origin: string | undefined,
  host: string | undefined,
  allowed: ReadonlySet<string> = new Set(),
): boolean {
  if (origin === undefined) return true;
  try {
    const page = new URL(origin);
    return allowed.has(page.origin) || (host !== undefined && page.host === host.toLowerCase());
  } catch {
    return false;
  }
}

/** The token of an Authorization header: `Bearer <token>` or the bare token; `undefined` without a header. */
export function bearerOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  return header.trim().replace(/^bearer(\s+|$)/i, "").trim();
}
