/**
 * Finds what is wrong with a manifest, and where.
 *
 * A file is read with `JSON.parse` first, which is quick; the parser that keeps
 * positions runs only for a file with something to say about.
 *
 * @module
 */

import { findNodeAtLocation, type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import type { z } from "zod";
import {
  type Diagnostic,
  escapePointer,
  isObject,
  kindOf,
  MAX_JSON_DEPTH,
  parseJson,
  type Position,
  ZssError,
} from "../../control/protocol/mod.ts";
import { type Manifest, manifestSchema } from "./schema.ts";

/** What reading a manifest gives: the manifest, or findings of severity error. Warnings may stand beside a manifest. */
export interface ManifestReading {
  /** `undefined` when a finding is an error, or when the manifest is switched off. */
  readonly manifest: Manifest | undefined;
  /** Whether the manifest says `enabled: false`; nothing else of it is looked at then. */
  readonly disabled: boolean;
  readonly findings: readonly Diagnostic[];
}

/** A file as its reader got it. */
export interface ManifestSource {
  /** Name as the user gave it; one that ends in `.jsonc` may hold comments and trailing commas. */
  readonly file: string;
  readonly text: string;
}

/** Checks one manifest. Never throws for what the text says. */
export function lintManifest(source: ManifestSource): readonly Diagnostic[] {
  return readManifest(source).findings;
}

/** Reads one manifest and checks it. */
export function readManifest(source: ManifestSource): ManifestReading {
  const text = source.text.startsWith("\ufeff") ? source.text.slice(1) : source.text;
  const finder = new PlaceFinder(source.file, text);
  const lenient = source.file.endsWith(".jsonc");
  let value: unknown;
  try {
    value = lenient ? finder.value() : parseJson(text);
  } catch (error) {
    if (!(error instanceof ZssError)) throw error;
    return failed(finder.syntax(error, lenient));
  }
  if (lenient && finder.errors(true).length > 0) return failed(finder.syntax(undefined, true));
  if (!isObject(value)) {
    return failed([finder.at([], "not-an-object", `a manifest must be a JSON object: ${kindOf(value)} found`)]);
  }
  if (value["enabled"] === false) return { manifest: undefined, disabled: true, findings: [] };
  const result = manifestSchema.safeParse(value);
  if (result.success) return { manifest: result.data, disabled: false, findings: [] };
  const all = result.error.issues.flatMap((issue) => schemaFindings(issue, value, finder));
  // One value may break several rules at once; the first says enough.
  return failed(all.filter((finding, index) => all.findIndex((other) => other.path === finding.path) === index));
}

function failed(findings: readonly Diagnostic[]): ManifestReading {
  return { manifest: undefined, disabled: false, findings };
}

function schemaFindings(issue: z.core.$ZodIssue, value: unknown, finder: PlaceFinder): Diagnostic[] {
  const path = issue.path.map((part) => typeof part === "symbol" ? String(part) : part);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) =>
      finder.at([...path, key], "unknown-key", `"${key}" is no member of a manifest`, {
        hint: "zss ignores nothing silently: remove it, or correct its name",
        onKey: true,
      })
    );
  }
  const found = path.reduce<unknown>(
    (here, part) => here === null || here === undefined ? undefined : Object(here)[part],
    value,
  );
  const name = path.length === 0 ? "manifest" : path.join(".");
  if (found === undefined) return [finder.at(path, "required", `${name} is required`)];
  const shown = typeof found === "object" && found !== null ? kindOf(found) : JSON.stringify(found);
  return [finder.at(path, "schema", `${name} ${decapitalized(issue.message)}: current value is ${shown}`)];
}

function decapitalized(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

/** Finds places in a text; parses it only when one is asked for. */
class PlaceFinder {
  readonly #file: string;
  readonly #text: string;
  #tree: Node | undefined;
  #errors: ParseError[] | undefined;
  #isTooDeep = false;

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  /** The value of a text that may hold comments and trailing commas. */
  value(): unknown {
    const tree = this.#parsed(true);
    if (this.#isTooDeep) throw tooDeep(0);
    return tree === undefined ? undefined : valueOf(tree, 0);
  }

  errors(lenient: boolean): readonly ParseError[] {
    this.#parsed(lenient);
    return this.#errors ?? [];
  }

  /** Findings about text that is no JSON. */
  syntax(error: ZssError | undefined, lenient: boolean): Diagnostic[] {
    const offset = error?.data?.["offset"];
    if (error !== undefined && typeof offset === "number") return [this.#syntaxAt(offset, error)];
    const [first] = this.errors(lenient);
    if (first === undefined) {
      const path = (error?.path ?? "").split("/").slice(1).map((part) =>
        part.replaceAll("~1", "/").replaceAll("~0", "~")
      );
      return [this.at(path.map(arrayIndex), "syntax", error?.message ?? "Cannot read JSON", { onKey: true })];
    }
    const start = this.#position(first.offset);
    const end = this.#position(first.offset + first.length);
    const what = printParseErrorCode(first.error).replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
    return [{ rule: "syntax", severity: "error", file: this.#file, start, end, message: `not valid JSON: ${what}` }];
  }

  #syntaxAt(offset: number, error: ZssError): Diagnostic {
    const key = /^"(?:[^"\\]|\\.)*"/.exec(this.#text.slice(offset, offset + 1024))?.[0];
    return {
      rule: "syntax",
      severity: "error",
      file: this.#file,
      start: this.#position(offset),
      end: this.#position(offset + (key?.length ?? 1)),
      message: error.message.replace(/^Cannot read JSON: /, ""),
      ...(error.path === undefined ? {} : { path: error.path }),
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  }

  /** A finding at the value under `path`, or at the nearest thing above it that exists. */
  at(
    path: readonly (string | number)[],
    rule: string,
    message: string,
    options: { readonly hint?: string; readonly onKey?: boolean } = {},
  ): Diagnostic {
    const tree = this.#parsed(true);
    let node: Node | undefined;
    for (let length = path.length; node === undefined && length >= 0 && tree !== undefined; length--) {
      node = findNodeAtLocation(tree, path.slice(0, length));
    }
    const place = options.onKey && node?.parent?.type === "property" ? node.parent.children?.[0] ?? node : node;
    const missing = path.length > 0 && place === tree;
    const offset = place?.offset ?? 0;
    const length = missing ? 1 : place?.length ?? 0;
    return {
      rule,
      severity: "error",
      file: this.#file,
      start: this.#position(offset),
      end: this.#position(offset + length),
      message,
      path: path.map((part) => `/${escapePointer(String(part))}`).join(""),
      ...(options.hint === undefined ? {} : { hint: options.hint }),
    };
  }

  #parsed(lenient: boolean): Node | undefined {
    if (this.#errors === undefined) {
      this.#errors = [];
      try {
        this.#tree = parseTree(this.#text, this.#errors, { disallowComments: !lenient, allowTrailingComma: lenient });
      } catch (error) {
        // The parser goes down one call per level; what exhausts the stack is nested too deep in any case.
        if (!(error instanceof RangeError)) throw error;
        this.#isTooDeep = true;
      }
    }
    return this.#tree;
  }

  #position(offset: number): Position {
    const before = this.#text.slice(0, offset);
    const lineStart = Math.max(before.lastIndexOf("\n"), before.replaceAll("\r\n", "  ").lastIndexOf("\r")) + 1;
    const line = before.split(/\r\n|\n|\r/).length;
    return { line, column: offset - lineStart + 1 };
  }
}

function arrayIndex(part: string): string | number {
  return /^(0|[1-9][0-9]*)$/.test(part) ? Number(part) : part;
}

/** The value of a node. @throws {ZssError} `invalid_json` for what `parseJson` refuses too. */
function valueOf(node: Node, depth: number): unknown {
  if (depth > MAX_JSON_DEPTH) throw tooDeep(node.offset);
  switch (node.type) {
    case "object": {
      const members = new Map<string, unknown>();
      for (const property of node.children ?? []) {
        const [key, value] = property.children ?? [];
        const name = String(key?.value);
        if (members.has(name)) {
          throw new ZssError(
            "invalid_json",
            `Cannot read JSON: key ${JSON.stringify(name)} occurs twice in one object`,
            {
              hint: "keep one of the two",
              data: { offset: property.offset },
            },
          );
        }
        members.set(name, value === undefined ? undefined : valueOf(value, depth + 1));
      }
      return Object.fromEntries(members);
    }
    case "array":
      return (node.children ?? []).map((child) => valueOf(child, depth + 1));
    default:
      return node.value;
  }
}

function tooDeep(offset: number): ZssError {
  return new ZssError("invalid_json", `Cannot read JSON: nested deeper than ${MAX_JSON_DEPTH} levels`, {
    data: { offset },
  });
}
