/**
 * The chain that makes an audit log tell whether it was tampered with.
 *
 * Each line holds the hash of the one before it and its own, over everything
 * else in it. Whoever alters, removes or adds a line breaks the chain there, or
 * has to write every line behind it anew; then the last hash is another one than
 * the store has noted.
 *
 * Pure: lines in, lines and findings out.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { canonicalText } from "../catalog/canonical.ts";
import type { AuditHead } from "../store/records.ts";

/** What is written about one act. */
export interface AuditEntry {
  readonly timestamp_ms: number;
  /** Who: `admin`, `user`, `operator`, `anonymous`, `node` or `server`. */
  readonly role: string;
  /** Name of the token, id of the node; `null` for nobody known. */
  readonly actor: string | null;
  readonly agent_id: string | null;
  /** What was asked for, for example `control.node_join_approve`. */
  readonly control_type: string;
  readonly scope: "none" | "node" | "operator" | "project";
  /** What it was about, for example `node-3`; `null` for nothing in particular. */
  readonly target: string | null;
  readonly correlation_id: string | null;
  readonly result: "ok" | "error";
  readonly error_code: string | null;
  /** The rule that decided, in words; `null` where no rule had to. */
  readonly rule: string | null;
}

/** A line as it stands in the log. */
export interface AuditLine extends AuditEntry {
  /** 1, 2, 3, ... without a hole. */
  readonly id: number;
  readonly previous: string;
  readonly hash: string;
}

/** An entry, by its number and what it was. */
export type Place = Pick<AuditHead, "id" | "hash">;

/** Where a log begins. */
export const emptyHead: AuditHead = { id: 0, hash: "0".repeat(64), lines: [] };

/** The line that follows `head`. */
export function nextLine(head: Pick<AuditHead, "id" | "hash">, entry: AuditEntry): AuditLine {
  const line = { id: head.id + 1, ...entry, previous: head.hash };
  return { ...line, hash: hashOf(line) };
}

function hashOf(line: Omit<AuditLine, "hash">): string {
  return createHash("sha256").update(canonicalText(line)).digest("hex");
}

/** Checks lines in their order against each other, and the last of them against what the store has noted. */
export class ChainCheck {
  readonly #newest: Place | undefined;
  #head: Place = emptyHead;
  #number = 0;
  #isMet = false;
  /** What is wrong, a sentence each. */
  readonly problems: string[] = [];

  /** @param newest An entry that must be among the lines, for a log that may go on behind it. */
  constructor(newest?: Place) {
    this.#newest = newest;
  }

  /** How many lines were read. */
  get lines(): number {
    return this.#number;
  }

  /** Takes the next line of the file. */
  take(text: string): void {
    this.#number++;
    const line = parse(text);
    if (line === undefined) {
      this.problems.push(`line ${this.#number} is no entry`);
      return;
    }
    const { hash, ...rest } = line;
    if (hash !== hashOf(rest)) this.problems.push(`line ${this.#number} (id ${line.id}) was altered`);
    if (line.id !== this.#head.id + 1 || line.previous !== this.#head.hash) {
      this.problems.push(
        line.id > this.#head.id + 1
          ? `entries ${this.#head.id + 1} to ${line.id - 1} are missing before line ${this.#number}`
          : `line ${this.#number} (id ${line.id}) does not follow entry ${this.#head.id}`,
      );
    }
    this.#head = line;
    this.#isMet ||= line.id === this.#newest?.id && line.hash === this.#newest.hash;
  }

  /** Whether the entry that must be there has not come yet. */
  get isBehind(): boolean {
    return this.#newest !== undefined && this.#head.id < this.#newest.id;
  }

  /** Ends with a log that goes on: what it must hold is in it, or not. */
  endGrowing(): void {
    if (this.#newest === undefined || this.#isMet) return;
    const { id } = this.#newest;
    this.problems.push(
      this.isBehind
        ? `entries ${this.#head.id + 1} to ${id} are missing at the end`
        : `entry ${id} is another one than the server holds: the log was written anew, or is another server's`,
    );
  }

  /** Compares the end with what the store has noted. */
  end(noted: AuditHead): void {
    const [first] = noted.lines.filter(({ id }) => id > this.#head.id);
    const last = noted.lines.at(-1);
    if (first !== undefined && last !== undefined && first.id === this.#head.id + 1) {
      this.problems.push(
        `entries ${first.id} to ${last.id} are missing at the end: the store holds them, as it does after a crash, ` +
          "and the next start of the server adds them again",
      );
      return;
    }
    if (this.#head.id === noted.id && this.#head.hash === noted.hash) return;
    if (this.#head.id > noted.id) this.problems.push(`entries after ${noted.id} were added by somebody else`);
    else if (this.#head.id < noted.id) {
      this.problems.push(`entries ${this.#head.id + 1} to ${noted.id} are missing at the end`);
    } else this.problems.push(`the last entry (id ${noted.id}) is another one than was written`);
  }
}

function parse(text: string): AuditLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    const line = value as Partial<AuditLine>;
    const isLine = typeof line.id === "number" && typeof line.hash === "string" && typeof line.previous === "string";
    return isLine ? line as AuditLine : undefined;
  } catch {
    return undefined;
  }
}
