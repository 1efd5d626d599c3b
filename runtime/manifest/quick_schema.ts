/**
 * A JSON Schema as one quick question: does a value certainly fit?
 *
 * The linter asks it of each manifest before anything slower runs. The answer
 * `true` can be relied on; `false` means no, or that somebody slower has to look
 * (a keyword that is not known here, text near a limit that is counted in other
 * units elsewhere). Answers take about a microsecond for a manifest.
 *
 * @module
 */

import { isObject } from "../../control/protocol/envelope.ts";

import { isSlowPattern } from "./schema_cost.ts";

/** Whether a value certainly fits. */
export type QuickCheck = (value: unknown) => boolean;

/** Members that say nothing about a value. */
const ANNOTATIONS: ReadonlySet<string> = new Set(
  "$schema $id $comment $defs definitions title description default examples deprecated readOnly writeOnly".split(" "),
);

type Maker = (argument: unknown, schema: Readonly<Record<string, unknown>>, root: unknown) => QuickCheck;

const NEVER: QuickCheck = () => false;

const kinds: Readonly<Record<string, QuickCheck>> = {
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: (value) => Number.isSafeInteger(value),
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
  array: (value) => Array.isArray(value),
  object: isObject,
};

/** Each keyword; one that does not concern the kind of a value lets it pass. */
const makers: Readonly<Record<string, Maker>> = {
  type(argument) {
    const checks = [argument].flat().map((name) => typeof name === "string" ? kinds[name] ?? NEVER : NEVER);
    const [first = NEVER] = checks;
    return checks.length === 1 ? first : (value) => checks.some((check) => check(value));
  },
  const: (argument) => isScalar(argument) ? (value) => value === argument : NEVER,
  enum(argument) {
    if (!Array.isArray(argument) || !argument.every(isScalar)) return NEVER;
    return (value) => argument.includes(value);
  },
  minLength: (limit) => onNumber(limit, (least) => onText((text) => text.length >= least && !hasPair(text, least))),
  maxLength: (limit) => onNumber(limit, (most) => onText((text) => fits(text, most))),
  pattern(argument) {
    const pattern = regExp(argument);
    return pattern === undefined ? NEVER : onText((text) => pattern.test(text));
  },
  minimum: (limit) => onNumber(limit, (least) => (value) => typeof value !== "number" || value >= least),
  maximum: (limit) => onNumber(limit, (most) => (value) => typeof value !== "number" || value <= most),
  exclusiveMinimum: (limit) => onNumber(limit, (least) => (value) => typeof value !== "number" || value > least),
  exclusiveMaximum: (limit) => onNumber(limit, (most) => (value) => typeof value !== "number" || value < most),
  minItems: (limit) => onNumber(limit, (least) => (value) => !Array.isArray(value) || value.length >= least),
  maxItems: (limit) => onNumber(limit, (most) => (value) => !Array.isArray(value) || value.length <= most),
  items(argument, _schema, root) {
    if (Array.isArray(argument)) return NEVER;
    const check = make(argument, root);
    return (value) => !Array.isArray(value) || value.every(check);
  },
  required(argument) {
    if (!Array.isArray(argument) || !argument.every((name) => typeof name === "string")) return NEVER;
    return (value) => !isObject(value) || argument.every((name) => Object.hasOwn(value, name));
  },
  properties(argument, schema, root) {
    if (!isObject(argument)) return NEVER;
    const checks = new Map(Object.entries(argument).map(([name, below]) => [name, make(below, root)]));
    const others = schema["additionalProperties"] === undefined
      ? () => true
      : make(schema["additionalProperties"], root);
    return (value) => {
      if (!isObject(value)) return true;
      for (const name in value) if (!(checks.get(name) ?? others)(value[name])) return false;
      return true;
    };
  },
  additionalProperties(argument, schema, root) {
    if (schema["patternProperties"] !== undefined) return NEVER;
    if (schema["properties"] !== undefined) return () => true; // Seen to there.
    const check = make(argument, root);
    return (value) => !isObject(value) || Object.values(value).every(check);
  },
  propertyNames(argument, _schema, root) {
    const check = make(argument, root);
    return (value) => !isObject(value) || Object.keys(value).every(check);
  },
  anyOf: (argument, _schema, root) => anyOf(argument, root),
  oneOf(argument, _schema, root) {
    const branches = byType(argument, root);
    if (branches !== undefined) return branches;
    if (!Array.isArray(argument)) return NEVER;
    const checks = argument.map((below) => make(below, root));
    // Of a branch that says no, it is not certain that it does.
    return checks.length === 1 ? checks[0] ?? NEVER : NEVER;
  },
  allOf(argument, _schema, root) {
    if (!Array.isArray(argument)) return NEVER;
    const checks = argument.map((below) => make(below, root));
    return (value) => checks.every((check) => check(value));
  },
};

/** Makes the question out of a schema. Never throws, whatever the schema is. */
export function quickCheck(schema: unknown): QuickCheck {
  return make(schema, schema);
}

/** Made when it is first asked: of the branches of a union most are never needed. */
function make(schema: unknown, root: unknown): QuickCheck {
  let check: QuickCheck | undefined;
  return (value) => (check ??= makeNow(schema, root))(value);
}

function makeNow(schema: unknown, root: unknown): QuickCheck {
  if (schema === true) return () => true;
  if (!isObject(schema)) return NEVER;
  const checks: QuickCheck[] = [];
  for (const keyword of Object.keys(schema)) {
    if (ANNOTATIONS.has(keyword)) continue;
    const maker = Object.hasOwn(makers, keyword) ? makers[keyword] : undefined;
    if (maker === undefined) return NEVER;
    checks.push(maker(schema[keyword], schema, root));
  }
  return (value) => {
    for (const check of checks) if (!check(value)) return false;
    return true;
  };
}

function anyOf(argument: unknown, root: unknown): QuickCheck {
  if (!Array.isArray(argument)) return NEVER;
  const checks = argument.map((below) => make(below, root));
  return (value) => checks.some((check) => check(value));
}

/** Branches of which at most one can fit, since each wants another constant in its member `type`. */
function byType(argument: unknown, root: unknown): QuickCheck | undefined {
  if (!Array.isArray(argument)) return undefined;
  const checks = new Map<unknown, QuickCheck>();
  for (const branch of argument) {
    if (!isObject(branch) || !isObject(branch["properties"]) || !isObject(branch["properties"]["type"])) {
      return undefined;
    }
    const constant = branch["properties"]["type"]["const"];
    if (typeof constant !== "string" || checks.has(constant)) return undefined;
    checks.set(constant, make(branch, root));
  }
  return (value) => isObject(value) && (checks.get(value["type"]) ?? NEVER)(value);
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value === "string" || typeof value === "boolean" || typeof value === "number";
}

function onText(check: (text: string) => boolean): QuickCheck {
  return (value) => typeof value !== "string" || check(value);
}

function onNumber(limit: unknown, maker: (limit: number) => QuickCheck): QuickCheck {
  return typeof limit === "number" ? maker(limit) : NEVER;
}

function regExp(source: unknown): RegExp | undefined {
  if (typeof source !== "string" || isSlowPattern(source)) return undefined;
  try {
    return new RegExp(source, "u");
  } catch {
    return undefined;
  }
}

/** Whether a text is short enough however its length is counted: in UTF-16 units, characters or bytes. */
function fits(text: string, most: number): boolean {
  if (text.length * 3 <= most) return true;
  // deno-lint-ignore no-control-regex -- exactly the characters of one byte
  return text.length <= most && /^[\u0000-\u007f]*$/.test(text);
}

/** Whether pairs of units that are one character could make a text too short. */
function hasPair(text: string, least: number): boolean {
  return least > 1 && /[\ud800-\udfff]/.test(text);
}
