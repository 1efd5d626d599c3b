/**
 * Finds what is wrong with a manifest, and where.
 *
 * The slow look: it runs for a file that `quick_lint.ts` did not find clean, and
 * for a node, which wants the manifest with its defaults.
 *
 * @module
 */

import { Validator } from "@cfworker/json-schema";
import type { Node } from "jsonc-parser";
import type { Diagnostic, Fix } from "../../control/protocol/diagnostic.ts";
import { isObject } from "../../control/protocol/envelope.ts";
import { escapePointer } from "../../control/protocol/json.ts";
import type { TextFinding } from "./issue_rule.ts";
import { quickLint } from "./quick_lint.ts";
import type { JsonObject, RuleContext, RuleFinding, RuleInfo, ValuePath } from "./rule.ts";
import { issueRules, manifestRules, textRules } from "./rules/mod.ts";
import { type Manifest, manifestSchema } from "./schema.ts";
import { isAffordable } from "./schema_cost.ts";
import { TextView } from "./text_view.ts";

/** What stands for `{node_id}` when nobody says. */
export const DEFAULT_NODE_ID = "node-0";

/** What reading a manifest gives: the manifest, or findings of severity error. Warnings may stand beside a manifest. */
export interface ManifestReading {
  /** `undefined` when a finding is an error, or when the manifest is switched off. */
  readonly manifest: Manifest | undefined;
  /** Whether the manifest says `enabled: false`; nothing else of it is looked at then. */
  readonly disabled: boolean;
  /** The manifest as it stands in the file, as far as it can be read; undefined when it is no object. */
  readonly value: JsonObject | undefined;
  /** In the order of their places. */
  readonly findings: readonly Diagnostic[];
}

/** A file as its reader got it. */
export interface ManifestSource {
  /** Name as the user gave it; one that ends in `.jsonc` may hold comments and trailing commas. */
  readonly file: string;
  readonly text: string;
  /** What stands for `{node_id}`. @default {"node-0"} */
  readonly nodeId?: string;
  /** Whether findings of a rule are wanted. @default {all are} */
  readonly isOn?: (rule: string) => boolean;
}

/** Checks one manifest. Never throws for what the text says. */
export function lintManifest(source: ManifestSource): readonly Diagnostic[] {
  return readManifest(source).findings;
}

/** Reads one manifest and checks it. Never throws for what the text says. */
export function readManifest(source: ManifestSource): ManifestReading {
  const nodeId = source.nodeId ?? DEFAULT_NODE_ID;
  const clean = quickLint(source.text, nodeId);
  if (clean !== undefined) return accepted(clean, []);
  const view = new TextView(source.file, source.text);
  const findings = textRules.flatMap((rule) =>
    rule.check(view).map((found) => textDiagnostic(source.file, view, rule, found))
  );
  const isReadable = view.tree !== undefined && view.errors.length === 0 && !findings.some(isError("syntax"));
  if (!isReadable || view.tree === undefined) {
    return { manifest: undefined, disabled: false, value: undefined, findings };
  }
  const value = valueOf(view.tree);
  if (isObject(value) && value["enabled"] === false) {
    return { manifest: undefined, disabled: !findings.some(isError()), value, findings };
  }
  const isOn = source.isOn ?? (() => true);
  // Before echoes are left out, so that what nobody wants to hear hides nothing else.
  const everything = [...schemaFindings(value), ...ruleFindings(value, { nodeId, refusals })];
  const found = everything.filter(([{ id }]) => isOn(id));
  const placed = found.map(([rule, finding]) => placedDiagnostic(source.file, view, rule, finding));
  const all = [...findings, ...withoutEchoes(placed)].sort(byPlace);
  const object = isObject(value) ? value : undefined;
  // An error that nobody wants to hear of is one all the same.
  const isRefused = everything.some(([{ severity }]) => severity === "error") || all.some(isError());
  return isRefused || object === undefined
    ? { manifest: undefined, disabled: false, value: object, findings: all }
    : accepted(object, all);
}

/** A finding about a place in a text, in the words of everybody else. */
export function placedDiagnostic(file: string, view: TextView, rule: RuleInfo, finding: RuleFinding): Diagnostic {
  const place = view.place(finding.path, finding.at ?? "value");
  const { fix, ...rest } = finding;
  const edits = fix === undefined ? undefined : [{ offset: place.offset, length: place.length, text: fix.value }];
  return textDiagnostic(file, view, rule, {
    ...rest,
    offset: place.offset,
    length: place.length,
    ...(fix === undefined || edits === undefined ? {} : { fix: { title: fix.title, edits } }),
  });
}

type Found = readonly [RuleInfo, RuleFinding];

function schemaFindings(value: unknown): Found[] {
  const result = manifestSchema.safeParse(value);
  if (result.success) return [];
  return result.error.issues.flatMap((issue) => {
    const path = issue.path.map((part) => typeof part === "symbol" ? String(part) : part);
    const at = path.reduce<unknown>(
      (here, part) => here === null || here === undefined ? undefined : Object(here)[part],
      value,
    );
    for (const rule of issueRules) {
      const finding = rule.describe({ issue, path, value: at });
      if (finding !== undefined) return [[rule, finding] as const];
    }
    return [];
  });
}

function ruleFindings(value: unknown, context: RuleContext): Found[] {
  if (!isObject(value)) return [];
  return manifestRules.flatMap((rule) => rule.check(value, context).map((finding) => [rule, finding] as const));
}

const COMPOUND = new Set([
  "properties",
  "items",
  "allOf",
  "additionalProperties",
  "prefixItems",
  "$ref",
  "patternProperties",
]);

/** What a JSON Schema says against a value. */
function refusals(schema: JsonObject, value: unknown): ReturnType<RuleContext["refusals"]> {
  // A schema that takes too long to be followed is not asked.
  if (!isAffordable(schema)) return [];
  try {
    const { valid, errors } = new Validator(schema, "2020-12", false).validate(value);
    if (valid) return [];
    // Errors come from the outside in; those that only say that something below is wrong are left out.
    const said = errors.filter(({ keyword }) => !COMPOUND.has(keyword));
    const seen = new Set<string>();
    return (said.length > 0 ? said : errors).flatMap(({ instanceLocation, error }) => {
      if (seen.has(instanceLocation)) return [];
      seen.add(instanceLocation);
      return [{ path: pointerPath(instanceLocation, value), message: refusalWords(error) }];
    });
  } catch {
    // A schema that cannot be followed is the matter of another rule.
    return [];
  }
}

function pointerPath(pointer: string, value: unknown): ValuePath {
  const path: (string | number)[] = [];
  let here = value;
  for (const part of pointer.split("/").slice(1)) {
    const name = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    path.push(Array.isArray(here) ? Number(name) : name);
    here = Array.isArray(here) ? here[Number(name)] : isObject(here) ? here[name] : undefined;
  }
  return path;
}

/** What the library says, in the words of the other rules. */
function refusalWords(error: string): string {
  const lacking = /does not have required property "(.*)"/.exec(error)?.[1];
  if (lacking !== undefined) return `"${lacking}" is required and missing`;
  const types = /^Instance type "(.*)" is invalid\. Expected "(.*)"/.exec(error);
  if (types !== null) return `it must be of type ${types[2]?.replaceAll('", "', " or ")}, not ${types[1]}`;
  if (/boolean schema/i.test(error)) return "no such member is allowed";
  return (error.charAt(0).toLowerCase() + error.slice(1)).replace(/\.$/, "");
}

function accepted(value: JsonObject, findings: readonly Diagnostic[]): ManifestReading {
  if (value["enabled"] === false) return { manifest: undefined, disabled: true, value, findings };
  return { manifest: manifestSchema.parse(value), disabled: false, value, findings };
}

function textDiagnostic(file: string, view: TextView, rule: RuleInfo, finding: TextFinding): Diagnostic {
  const { message, hint, path } = finding;
  // Offsets of edits are those of the text as read, its byte-order mark included.
  const shift = view.hasByteOrderMark ? 1 : 0;
  const fix: Fix | undefined = finding.fix === undefined ? undefined : {
    title: finding.fix.title,
    edits: finding.fix.edits.map(({ offset, length, text }) => ({ offset: offset + shift, length, text })),
  };
  return {
    rule: rule.id,
    severity: rule.severity,
    file,
    start: view.position(finding.offset),
    end: view.position(finding.offset + finding.length),
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(path === undefined ? {} : { path: path.map((part) => `/${escapePointer(String(part))}`).join("") }),
    ...(fix === undefined ? {} : { fix }),
  };
}

/** One value may break several rules at once; of those of one severity at one place the first says enough. */
function withoutEchoes(findings: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Set<string>();
  return findings.filter(({ path, severity, rule }) => {
    // A secret is another matter than the form of the text that holds it.
    const key = `${rule === "secret" ? rule : severity} ${path}`;
    if (path !== undefined && seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function isError(rule?: string): (finding: Diagnostic) => boolean {
  return (finding) => finding.severity === "error" && (rule === undefined || finding.rule === rule);
}

/** Orders findings by their places; those at one place keep their order. */
export function byPlace(one: Diagnostic, other: Diagnostic): number {
  return one.start.line - other.start.line || one.start.column - other.start.column;
}

/** The value of a tree, which never goes too deep. The first of two members of one name counts. */
function valueOf(node: Node): unknown {
  if (node.type === "array") return (node.children ?? []).map(valueOf);
  if (node.type !== "object") return node.value;
  const members = new Map<string, unknown>();
  for (const property of node.children ?? []) {
    const [key, value] = property.children ?? [];
    const name = String(key?.value);
    if (key !== undefined && value !== undefined && name !== "__proto__" && !members.has(name)) {
      members.set(name, valueOf(value));
    }
  }
  return Object.fromEntries(members);
}
