/**
 * A finding: something that is wrong with a file, and where.
 *
 * The manifest linter, the loader of a running node and the plugin validator
 * all report in these words, so that one renderer and one exit code rule serve
 * them all.
 *
 * @module
 */

/** How bad a finding is. Only `error` keeps a manifest from being used. */
export type Severity = "error" | "warning" | "info";

/** A place in a text, counted as editors do. */
export interface Position {
  /** Line, from 1. */
  readonly line: number;
  /** Column, from 1, in UTF-16 units; a tab counts one, a byte-order mark none. */
  readonly column: number;
}

/** A change of text that mends a finding without changing what the file means otherwise. */
export interface Fix {
  /** What the change does, for a person. */
  readonly title: string;
  /** Replacements in UTF-16 offsets of the text as read; sorted, not overlapping. */
  readonly edits: readonly TextEdit[];
}

/** Replaces `length` UTF-16 units at `offset` by `text`. */
export interface TextEdit {
  readonly offset: number;
  readonly length: number;
  readonly text: string;
}

/** One finding. */
export interface Diagnostic {
  /** Which rule found it, for example `mount-path-absolute`. */
  readonly rule: string;
  readonly severity: Severity;
  /** The file as the user named it; `-` for standard input. */
  readonly file: string;
  readonly start: Position;
  /** End, exclusive; equal to `start` when the finding has no extent. */
  readonly end: Position;
  /** What is wrong, what was found and what is wanted; one sentence without a full stop. */
  readonly message: string;
  /** The next step. */
  readonly hint?: string | undefined;
  /** JSON pointer to the value at fault, for example `/mounts/0/mount_path`. */
  readonly path?: string | undefined;
  readonly fix?: Fix | undefined;
}
