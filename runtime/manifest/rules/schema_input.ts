import { isObject } from "../../../control/protocol/envelope.ts";
import type { ManifestRule, RuleFinding, ValuePath } from "../rule.ts";
import { objectAt, pathName, shown } from "./_values.ts";

const TYPES = ["string", "number", "integer", "boolean", "null", "array", "object"];

/** What a keyword's argument must be. */
type Check = (argument: unknown, path: ValuePath, root: unknown) => RuleFinding[];

const schema: Check = (argument, path, root) => {
  if (typeof argument === "boolean") return [];
  if (!isObject(argument)) return [wrong(path, "a JSON Schema: an object, or true or false", argument)];
  return Object.keys(argument).flatMap((keyword) =>
    (Object.hasOwn(keywords, keyword) ? keywords[keyword] : undefined)?.(argument[keyword], [...path, keyword], root) ??
      []
  );
};

const schemaMap: Check = (argument, path, root) =>
  isObject(argument)
    ? Object.keys(argument).flatMap((name) => schema(argument[name], [...path, name], root))
    : [wrong(path, "an object of JSON Schemas", argument)];

const schemaList: Check = (argument, path, root) =>
  Array.isArray(argument) && argument.length > 0
    ? argument.flatMap((below, index) => schema(below, [...path, index], root))
    : [wrong(path, "an array with at least one JSON Schema", argument)];

const type: Check = (argument, path) => {
  const names: unknown[] = Array.isArray(argument) ? argument : [argument];
  const bad = names.findIndex((name) => typeof name !== "string" || !TYPES.includes(name));
  if (bad < 0 && names.length > 0 && new Set(names).size === names.length) return [];
  const place = Array.isArray(argument) && bad >= 0 ? [...path, bad] : path;
  return [wrong(place, `one of ${TYPES.join(", ")}`, bad >= 0 ? names[bad] : argument)];
};

const names: Check = (argument, path) =>
  Array.isArray(argument) && argument.every((name) => typeof name === "string") &&
    new Set(argument).size === argument.length
    ? []
    : [wrong(path, "an array of different names", argument)];

const pattern: Check = (argument, path) => {
  if (typeof argument !== "string") return [wrong(path, "a regular expression", argument)];
  try {
    new RegExp(argument, "u");
    return [];
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^.*\/[a-z]*: /, "") : "";
    return [wrong(path, `a regular expression (${reason})`, argument)];
  }
};

const reference: Check = (argument, path, root) => {
  if (typeof argument !== "string") return [wrong(path, "a reference", argument)];
  if (!argument.startsWith("#")) return [];
  if (argument === "#" || !argument.startsWith("#/")) return [];
  let here = root;
  for (const part of argument.slice(2).split("/")) {
    const name = decodeSegment(part);
    here = Array.isArray(here)
      ? here[Number(name)]
      : isObject(here) && Object.hasOwn(here, name)
      ? here[name]
      : undefined;
  }
  return here === undefined ? [wrong(path, "a reference to something in schema.input", argument)] : [];
};

const count: Check = (argument, path) =>
  Number.isSafeInteger(argument) && Number(argument) >= 0 ? [] : [wrong(path, "a whole number from 0", argument)];
const number: Check = (argument, path) => typeof argument === "number" ? [] : [wrong(path, "a number", argument)];
const factor: Check = (argument, path) =>
  typeof argument === "number" && argument > 0 ? [] : [wrong(path, "a number above 0", argument)];
const flag: Check = (argument, path) => typeof argument === "boolean" ? [] : [wrong(path, "true or false", argument)];
const text: Check = (argument, path) => typeof argument === "string" ? [] : [wrong(path, "text", argument)];
const list: Check = (argument, path) => Array.isArray(argument) ? [] : [wrong(path, "an array", argument)];
const schemaOrList: Check = (argument, path, root) =>
  (Array.isArray(argument) ? schemaList : schema)(argument, path, root);

const patternMap: Check = (argument, path, root) => [
  ...(isObject(argument) ? Object.keys(argument).flatMap((name) => pattern(name, [...path, name], root)) : []),
  ...schemaMap(argument, path, root),
];

/** Draft 2020-12, and what earlier drafts spell otherwise. Other keywords are allowed and mean nothing. */
const keywords: Readonly<Record<string, Check>> = {
  type,
  enum: list,
  required: names,
  pattern,
  $ref: reference,
  $id: text,
  $anchor: text,
  title: text,
  description: text,
  format: text,
  properties: schemaMap,
  patternProperties: patternMap,
  dependentSchemas: schemaMap,
  $defs: schemaMap,
  definitions: schemaMap,
  additionalProperties: schema,
  unevaluatedProperties: schema,
  unevaluatedItems: schema,
  propertyNames: schema,
  contains: schema,
  not: schema,
  if: schema,
  then: schema,
  else: schema,
  items: schemaOrList,
  prefixItems: schemaList,
  allOf: schemaList,
  anyOf: schemaList,
  oneOf: schemaList,
  minLength: count,
  maxLength: count,
  minItems: count,
  maxItems: count,
  minProperties: count,
  maxProperties: count,
  minContains: count,
  maxContains: count,
  minimum: number,
  maximum: number,
  exclusiveMinimum: number,
  exclusiveMaximum: number,
  multipleOf: factor,
  uniqueItems: flag,
  examples: list,
};

/** What a call looks like must be said in JSON Schema. */
export const schemaInput: ManifestRule = {
  id: "schema-input",
  severity: "error",
  reason:
    "`schema.input` is a JSON Schema; clients and agents build calls from it, and a wrong keyword would let every " +
    "call pass, or none.",
  check(manifest) {
    const { input } = objectAt(manifest, "schema");
    return isObject(input) ? schema(input, ["schema", "input"], input) : [];
  },
};

function wrong(path: ValuePath, wanted: string, found: unknown): RuleFinding {
  return { path, message: `${pathName(path)} must be ${wanted}: current value is ${shown(found)}` };
}

function decodeSegment(part: string): string {
  try {
    return decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    return part;
  }
}
