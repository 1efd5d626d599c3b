/**
 * One text for one value, whatever the order of its keys.
 *
 * @module
 */

/**
 * Compact JSON with the keys of every object in code-unit order.
 *
 * Two values that differ only in the order of keys give the same text. Members
 * that are `undefined` are left out, as JSON does.
 */
export function canonicalText(value: unknown): string {
  return JSON.stringify(sorted(value));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const result: Record<string, unknown> = {};
  const entries = Object.entries(value).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
  for (const [key, member] of entries) result[key] = sorted(member);
  return result;
}
