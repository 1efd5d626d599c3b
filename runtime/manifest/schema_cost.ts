/**
 * Whether a JSON Schema can be followed in reasonable time.
 *
 * A schema comes from whoever wrote the manifest. References that double at each
 * step and patterns with a repetition inside a repetition take longer than anybody waits.
 *
 * @module
 */

import { isObject } from "../../control/protocol/envelope.ts";

/** Most schemas that following all references may touch. */
const MOST_STEPS = 10_000;

/** A group with a repetition in it that is itself repeated, such as `(a+)+`. */
const NESTED_REPETITION = /\((?:[^()\\]|\\.)*[+*}](?:[^()\\]|\\.)*\)\s*[+*{]/;

/** Whether a pattern may take exponential time. */
export function isSlowPattern(pattern: unknown): boolean {
  return typeof pattern === "string" && (pattern.length > 1000 || NESTED_REPETITION.test(pattern));
}

/** Whether a schema is quick enough to be asked. */
export function isAffordable(schema: unknown): boolean {
  return stepsOf(schema, schema, new Map()) <= MOST_STEPS;
}

function stepsOf(value: unknown, root: unknown, known: Map<unknown, number>): number {
  if (typeof value !== "object" || value === null) return 0;
  const before = known.get(value);
  if (before !== undefined) return before;
  // Met again on its way: a schema that holds itself ends with the value that it is asked about.
  known.set(value, 1);
  let steps = 1;
  if (!Array.isArray(value) && isObject(value)) {
    if (isSlowPattern(value["pattern"])) return remember(value, Infinity, known);
    if (isObject(value["patternProperties"]) && Object.keys(value["patternProperties"]).some(isSlowPattern)) {
      return remember(value, Infinity, known);
    }
    if (typeof value["$ref"] === "string") steps += stepsOf(target(value["$ref"], root), root, known);
  }
  for (const [name, below] of Object.entries(value)) {
    if (name !== "$defs" && name !== "definitions") steps += stepsOf(below, root, known);
    if (steps > MOST_STEPS) break;
  }
  return remember(value, steps, known);
}

function remember(value: object, steps: number, known: Map<unknown, number>): number {
  known.set(value, steps);
  return steps;
}

function target(reference: string, root: unknown): unknown {
  if (!reference.startsWith("#")) return undefined;
  return reference.slice(1).split("/").slice(1).reduce<unknown>(
    (here, part) => isObject(here) ? here[part.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined,
    root,
  );
}
