/**
 * The text of a manifest with its places: what the slow look works on.
 *
 * Made only for a file with something to say about. Offsets count UTF-16 units
 * from behind a byte-order mark; lines end with LF, CRLF or CR, as in editors.
 *
 * @module
 */

import { findNodeAtLocation, type Node, type ParseError, parseTree, visit } from "jsonc-parser";
import type { Position } from "../../control/protocol/diagnostic.ts";
import { MAX_JSON_DEPTH } from "../../control/protocol/json.ts";
import type { ValuePath } from "./rule.ts";

/** A piece of text. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}

/** Text, tree and places of one manifest. */
export class TextView {
  /** The text without its byte-order mark. */
  readonly text: string;
  readonly hasByteOrderMark: boolean;
  /** Whether comments and trailing commas are welcome. */
  readonly isLenient: boolean;
  /** Where the text goes deeper than anybody reads; nothing else is known of it then. */
  readonly tooDeep: Span | undefined;
  readonly tree: Node | undefined;
  readonly errors: readonly ParseError[];
  readonly comments: readonly Span[];
  readonly trailingCommas: readonly Span[];
  #lineStarts: number[] | undefined;

  constructor(file: string, text: string) {
    this.hasByteOrderMark = text.startsWith("\ufeff");
    this.text = this.hasByteOrderMark ? text.slice(1) : text;
    this.isLenient = file.endsWith(".jsonc");
    const deep = firstTooDeep(this.text);
    this.tooDeep = deep === undefined ? undefined : { offset: deep, length: 1 };
    const errors: ParseError[] = [];
    this.errors = errors;
    // The parser goes down one call per level, so it must not see what is too deep.
    this.tree = deep === undefined
      ? parseTree(this.text, errors, { disallowComments: false, allowTrailingComma: true, allowEmptyContent: false })
      : undefined;
    [this.comments, this.trailingCommas] = deep === undefined ? trivia(this.text) : [[], []];
  }

  /** The node under `path`, or the nearest one above it that exists. */
  node(path: ValuePath): { readonly node: Node | undefined; readonly isExact: boolean } {
    const { tree } = this;
    if (tree === undefined) return { node: undefined, isExact: false };
    for (let length = path.length; length > 0; length--) {
      const node = findNodeAtLocation(tree, path.slice(0, length));
      if (node !== undefined) return { node, isExact: length === path.length };
    }
    return { node: tree, isExact: path.length === 0 };
  }

  /** The place of a value, or of the name of its member; the opening bracket of what should hold it, if it is missing. */
  place(path: ValuePath, at: "key" | "value"): Span {
    const { node, isExact } = this.node(path);
    if (node === undefined) return { offset: 0, length: 0 };
    if (!isExact) return { offset: node.offset, length: 1 };
    return at === "key" && node.parent?.type === "property" ? node.parent.children?.[0] ?? node : node;
  }

  /** Line and column of an offset. */
  position(offset: number): Position {
    this.#lineStarts ??= lineStarts(this.text);
    const starts = this.#lineStarts;
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  }
}

function lineStarts(text: string): number[] {
  return [0, ...Array.from(text.matchAll(/\r\n|\n|\r/g), (match) => match.index + match[0].length)];
}

function trivia(text: string): [Span[], Span[]] {
  const comments: Span[] = [];
  const trailing: Span[] = [];
  let comma: Span | undefined;
  const other = () => void (comma = undefined);
  const close = () => {
    if (comma !== undefined) trailing.push(comma);
    comma = undefined;
  };
  visit(text, {
    onComment: (offset, length) => void comments.push({ offset, length }),
    onSeparator: (character, offset) => void (comma = character === "," ? { offset, length: 1 } : undefined),
    onObjectBegin: other,
    onArrayBegin: other,
    onObjectProperty: other,
    onLiteralValue: other,
    onObjectEnd: close,
    onArrayEnd: close,
  }, { disallowComments: false, allowTrailingComma: true });
  return [comments, trailing];
}

/** Offset of the first bracket that goes deeper than is read. Knows strings and comments. */
function firstTooDeep(text: string): number | undefined {
  let depth = 0;
  const token = /"(?:[^"\\\n\r]|\\.)*"?|\/\/[^\n\r]*|\/\*[^]*?(?:\*\/|$)|[[\]{}]/g;
  for (const match of text.matchAll(token)) {
    const [found] = match;
    if (found === "[" || found === "{") {
      if (++depth > MAX_JSON_DEPTH) return match.index;
    } else if (found === "]" || found === "}") depth--;
  }
  return undefined;
}
