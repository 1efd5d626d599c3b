/**
 * Reads the manifests of a node from its files and folders.
 *
 * Every bad file is named; the good ones are loaded all the same. What was read
 * is kept, and read again only when the file has changed. A file that is gone or
 * has become bad counts as it was for a moment longer: whoever writes it may not
 * be done.
 *
 * @module
 */

import type { Diagnostic } from "../../control/protocol/diagnostic.ts";
import { placedDiagnostic, readManifest } from "./lint.ts";
import { isTakenAway, ManifestReader, manifestsIn } from "./manifest_files.ts";
import type { SetMember } from "./rule.ts";
import { setRules, unreadable } from "./rules/mod.ts";
import type { ServiceManifest } from "./schema.ts";
import { setMember } from "./set_member.ts";
import { expand } from "./template.ts";
import { TextView } from "./text_view.ts";

/** What to load. */
export interface LoadOptions {
  /** Files, in this order. */
  readonly files: readonly string[];
  /** Folders; of each the files that end in .json or .jsonc, sorted by name. */
  readonly dirs: readonly string[];
  readonly nodeId: string;
  /** Services that are there already. */
  readonly reserved: readonly SetMember[];
}

/** A service and where it comes from. */
export interface LoadedManifest {
  readonly file: string;
  readonly service: ServiceManifest;
}

/** What loading gives. */
export interface LoadResult {
  readonly services: readonly LoadedManifest[];
  /** Files that say `enabled: false`. */
  readonly disabled: readonly string[];
  readonly findings: readonly Diagnostic[];
  /** Folders that have been away for so long that what was in them counts as gone. */
  readonly goneFolders: readonly string[];
  /** Whether something counts as it was although it is not so any more; look again in {@linkcode SETTLE_MS}. */
  readonly isUnsettled: boolean;
}

/** How long a file that became bad or went away counts as it was, in milliseconds. */
export const SETTLE_MS = 250;

/**
 * How long a folder may be away before what was in it counts as gone, in milliseconds.
 *
 * Tools that deploy replace a folder in seconds; whoever mounts it again takes longer. A folder that is there but
 * cannot be read says nothing about what is in it, however long that lasts.
 */
export const FOLDER_GRACE_MS = 300_000;

/** A file that was written so shortly before it was read may have been written once more since, with the same time. */
const RACY_MS = 2_000;

/** Loads manifests once. Never throws for what files and folders hold. */
export function loadManifests(options: LoadOptions): LoadResult {
  return new ManifestSet({ now: () => 0, monotonic: () => 0 }).load(options);
}

/** What is known of a file. */
interface Held {
  readonly file: string;
  /** Tells one state of the file from another; empty when it could not be asked. */
  stamp: string;
  /** When it was written and when it was read, in milliseconds since the Unix epoch. */
  writtenAt: number;
  readAt: number;
  readonly text: string | undefined;
  readonly findings: readonly Diagnostic[];
  readonly isDisabled: boolean;
  /** Absent when the file defines nothing usable. */
  readonly usable: { readonly service: ServiceManifest; readonly member: SetMember } | undefined;
}

/** The two times that a set needs, each in milliseconds. */
export interface ManifestClock {
  /** Wall time since the Unix epoch, to compare with when files were written. */
  now(): number;
  /** Time that never jumps, for how long something is gone. */
  monotonic(): number;
}

/** Manifests that are loaded again and again. */
export class ManifestSet {
  readonly #clock: ManifestClock;
  readonly #reader = new ManifestReader();
  #nodeId: string | undefined;
  #held = new Map<string, Held>();
  /** Since when a file is gone that was there, on the monotonic clock. */
  readonly #goneSince = new Map<string, number>();
  /** Since when a folder is away, on the monotonic clock. */
  readonly #awaySince = new Map<string, number>();
  #last: { readonly key: string; readonly held: readonly Held[]; readonly result: LoadResult } | undefined;

  constructor(clock: ManifestClock) {
    this.#clock = clock;
  }

  /** Loads what is there now; the same object as the last time when nothing is different. Never throws. */
  load(options: LoadOptions): LoadResult {
    if (options.nodeId !== this.#nodeId) {
      this.#held.clear();
      this.#last = undefined;
      this.#nodeId = options.nodeId;
    }
    const findings: Diagnostic[] = [];
    const goneFolders: string[] = [];
    const [held, isUnsettled] = this.#readAll([...this.#listed(options, findings, goneFolders)], options);
    const key = JSON.stringify([options.reserved, findings, goneFolders, isUnsettled]);
    const last = this.#last;
    const isSame = last?.key === key && last.held.length === held.length &&
      held.every((one, index) => one === last.held[index]);
    if (isSame) return last.result;
    const result = { ...resultOf(held, options, findings), goneFolders, isUnsettled };
    this.#last = { key, held, result };
    return result;
  }

  *#listed({ files, dirs }: LoadOptions, findings: Diagnostic[], goneFolders: string[]): Generator<string> {
    yield* files;
    for (const dir of dirs) {
      const found = manifestsIn(dir);
      if (!("problem" in found)) {
        this.#awaySince.delete(dir);
        yield* found.map(({ file }) => file);
      } else if (this.#isGone(dir)) {
        goneFolders.push(dir);
        findings.push(fileFinding(dir, "is not there, so it defines no service"));
      } else findings.push(fileFinding(dir, `cannot be read: ${found.problem}`));
    }
  }

  #isGone(dir: string): boolean {
    if (!isTakenAway(dir)) {
      this.#awaySince.delete(dir);
      return false;
    }
    const now = this.#clock.monotonic();
    const since = this.#awaySince.get(dir) ?? now;
    this.#awaySince.set(dir, since);
    return now - since >= FOLDER_GRACE_MS;
  }

  #readAll(files: readonly string[], { nodeId }: LoadOptions): [Held[], boolean] {
    const now = this.#clock.now();
    const before = this.#held;
    const isFirst = this.#last === undefined;
    this.#held = new Map();
    let isUnsettled = false;
    const keep = (held: Held) => {
      this.#held.set(held.file, held);
      return held;
    };
    const list: Held[] = [];
    for (const file of files) {
      const known = before.get(file);
      const held = this.#read(file, known, nodeId, now);
      const isWorse = !isFirst && held !== known && isBad(held);
      // What is bad and was written a moment ago may be half of something good.
      const isFresh = isWorse && (held.stamp === "" ? this.#isJustGone(file) : isMoment(now - held.writtenAt));
      isUnsettled ||= isFresh;
      if (!isFresh) {
        list.push(keep(held));
        this.#goneSince.delete(file);
      } else if (known !== undefined) {
        known.stamp = "";
        list.push(keep(known));
      }
    }
    for (const [file, known] of before) {
      if (this.#held.has(file)) continue;
      // Some editors put a file aside before they write the new one.
      if (known.usable !== undefined && this.#isJustGone(file)) {
        isUnsettled = true;
        list.push(keep(known));
      } else this.#goneSince.delete(file);
    }
    return [list, isUnsettled];
  }

  #isJustGone(file: string): boolean {
    const now = this.#clock.monotonic();
    const since = this.#goneSince.get(file) ?? now;
    this.#goneSince.set(file, since);
    return isMoment(now - since);
  }

  #read(file: string, known: Held | undefined, nodeId: string, now: number): Held {
    const { stamp, writtenAt } = stampOf(file);
    if (known !== undefined && stamp !== "" && known.stamp === stamp && known.readAt - known.writtenAt > RACY_MS) {
      return known;
    }
    const text = this.#reader.read(file);
    if (known !== undefined && text === known.text) return Object.assign(known, { stamp, writtenAt, readAt: now });
    const at = { file, stamp, writtenAt, readAt: now };
    if (typeof text !== "string") {
      const finding = fileFinding(file, `cannot be read: ${text.problem}`);
      const isSame = known !== undefined && sameFindings(known.findings, [finding]);
      return isSame ? known : { ...at, text: undefined, findings: [finding], isDisabled: false, usable: undefined };
    }
    const { findings, disabled, manifest, value } = readManifest({ file, text, nodeId });
    const usable = manifest === undefined || value === undefined
      ? undefined
      : { service: expand(manifest, nodeId), member: setMember(JSON.stringify(file), value, nodeId) };
    return { ...at, text, findings, isDisabled: disabled, usable };
  }
}

/** A clock that jumps ends the moment. */
function isMoment(ms: number): boolean {
  return Math.abs(ms) < SETTLE_MS;
}

function isBad({ usable, isDisabled }: Held): boolean {
  return usable === undefined && !isDisabled;
}

function sameFindings(one: readonly Diagnostic[], other: readonly Diagnostic[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function stampOf(file: string): { readonly stamp: string; readonly writtenAt: number } {
  try {
    const { mtime, ctime, size, ino, dev } = Deno.statSync(file);
    const writtenAt = mtime?.getTime() ?? 0;
    return { stamp: [writtenAt, ctime?.getTime(), size, ino, dev].join(" "), writtenAt };
  } catch {
    return { stamp: "", writtenAt: 0 };
  }
}

/** What manifests make together. */
function resultOf(
  held: readonly Held[],
  { reserved }: LoadOptions,
  listing: readonly Diagnostic[],
): Omit<LoadResult, "isUnsettled" | "goneFolders"> {
  const findings = [...listing, ...held.flatMap((one) => one.findings)];
  const read = held.flatMap(({ file, text = "", usable }) => usable === undefined ? [] : [{ file, text, ...usable }]);
  const refused = new Set<number>();
  const members = [...reserved, ...read.map(({ member }) => member)];
  for (const rule of setRules) {
    for (const finding of rule.check(members)) {
      const index = finding.member - reserved.length;
      const at = read[index];
      if (at === undefined) continue;
      refused.add(index);
      findings.push(placedDiagnostic(at.file, new TextView(at.file, at.text), rule, finding));
    }
  }
  const services = read.filter((_, index) => !refused.has(index)).map(({ file, service }) => ({ file, service }));
  return { services, disabled: held.filter(({ isDisabled }) => isDisabled).map(({ file }) => file), findings };
}

function fileFinding(file: string, message: string): Diagnostic {
  const start = { line: 1, column: 1 };
  return { rule: unreadable.id, severity: unreadable.severity, file, start, end: start, message };
}
