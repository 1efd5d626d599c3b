/**
 * Says what a member of a manifest, or a rule, is for.
 *
 * @module
 */

import { isObject } from "../../control/protocol/envelope.ts";
import { nearest } from "./nearest.ts";
import type { JsonObject } from "./rule.ts";
import { manifestJson, runtimeBranches } from "./rules/_schema.ts";
import { allRules } from "./rules/mod.ts";

/** What is known of a member of a manifest. */
export interface FieldExplanation {
  readonly field: string;
  readonly description: string;
  /** What it may be, in words. */
  readonly type: string;
  readonly required: boolean;
  readonly default?: unknown;
  /** Its limits, in words. */
  readonly limits: readonly string[];
  /** Names of the members below it. */
  readonly members: readonly string[];
  /** The types of runtime that have it; absent for what is not in a runtime. */
  readonly runtimes?: readonly string[];
}

/** Explains a member such as `runtime.timeout_ms` or `mounts.mount_path`; undefined when there is none. */
export function explainField(field: string): FieldExplanation | undefined {
  const parts = field.replaceAll(/\[\d*\]/g, "").split(".").filter((part) => part !== "");
  if (parts[0] === "runtime" && parts.length > 1) {
    const found = [...runtimeBranches].flatMap(([type, branch]) => {
      const at = walk(branch, parts.slice(1));
      return at === undefined ? [] : [{ type: String(type), ...at }];
    });
    const [first] = found;
    if (first === undefined) return undefined;
    const explained = described(parts.join("."), first.schema, first.isRequired);
    const constants = [
      ...new Set(found.flatMap(({ schema }) => schema["const"] === undefined ? [] : [typeWords(schema)])),
    ];
    return {
      ...explained,
      // Of the member that tells the types apart, each type has another value.
      ...(constants.length > 1 ? { type: constants.join(" or "), required: false } : {}),
      runtimes: found.map(({ type }) => type),
    };
  }
  const at = walk(manifestJson, parts);
  if (at === undefined) return undefined;
  const explained = described(parts.join("."), at.schema, at.isRequired);
  if (parts[0] !== "runtime") return explained;
  const members = new Set([...runtimeBranches.values()].flatMap((branch) => namesOf(branch)));
  return {
    ...explained,
    type: "an object, by its type",
    members: [...members],
    runtimes: [...runtimeBranches.keys()].map(String),
  };
}

/** The name of a member or a rule that somebody probably meant. */
export function nearestTopic(word: string): string | undefined {
  const runtime = [...runtimeBranches.values()].flatMap((branch) => namesOf(branch).map((name) => `runtime.${name}`));
  return nearest(word, [...allRules.map(({ id }) => id), ...namesOf(manifestJson), ...runtime]);
}

/** Members at the root of a manifest. */
export function rootMembers(): readonly string[] {
  return namesOf(manifestJson);
}

function namesOf(schema: JsonObject): string[] {
  return isObject(schema["properties"]) ? Object.keys(schema["properties"]) : [];
}

function walk(
  root: JsonObject,
  parts: readonly string[],
): { readonly schema: JsonObject; readonly isRequired: boolean } | undefined {
  let schema = root;
  let isRequired = false;
  for (const part of parts) {
    if (isObject(schema["items"])) schema = schema["items"];
    const below: unknown = isObject(schema["properties"]) && Object.hasOwn(schema["properties"], part)
      ? schema["properties"][part]
      : undefined;
    if (!isObject(below)) return undefined;
    isRequired = Array.isArray(schema["required"]) && schema["required"].includes(part);
    schema = below;
  }
  return { schema, isRequired };
}

function described(field: string, schema: JsonObject, required: boolean): FieldExplanation {
  const inner = isObject(schema["items"]) ? schema["items"] : schema;
  return {
    field,
    description: typeof schema["description"] === "string" ? schema["description"] : "",
    type: typeWords(schema),
    required,
    ...(schema["default"] === undefined ? {} : { default: schema["default"] }),
    limits: limitWords(schema),
    members: namesOf(inner),
  };
}

const WORDS: Readonly<Record<string, string>> = {
  string: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  object: "an object",
};

function typeWords(schema: JsonObject): string {
  if (schema["const"] !== undefined) return JSON.stringify(schema["const"]);
  if (Array.isArray(schema["anyOf"])) return schema["anyOf"].filter(isObject).map(typeWords).join(", or ");
  if (schema["type"] === "array") {
    return isObject(schema["items"]) ? `an array; each item is ${typeWords(schema["items"])}` : "an array";
  }
  return typeof schema["type"] === "string" ? WORDS[schema["type"]] ?? schema["type"] : "anything";
}

function limitWords(schema: JsonObject): string[] {
  const { minimum, maximum, minLength, maxLength, pattern } = schema;
  return [
    ...(minimum === undefined ? [] : [`at least ${minimum}`]),
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? [] : [`at most ${maximum}`]),
    ...(minLength === undefined || minLength === 0 ? [] : ["not empty"]),
    ...(maxLength === undefined ? [] : [`at most ${maxLength} bytes`]),
    // A pattern that only keeps a character out says nothing that a person wants to know.
    ...(typeof pattern === "string" && !pattern.startsWith("^[^") ? [`matches ${pattern}`] : []),
  ];
}
