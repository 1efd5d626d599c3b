/**
 * Checks the manifests of files and folders: the work of `zss manifest lint`.
 *
 * Every file gets the quick look first. Only when one is not certainly clean is
 * the slow look loaded, which knows places and words; so a run over good files
 * starts quickly and reads ten thousand of them in a fraction of a second.
 *
 * @module
 */

import type { Diagnostic } from "../../control/protocol/diagnostic.ts";
import { isFolder, ManifestReader, manifestsIn } from "./manifest_files.ts";
import { quickLint } from "./quick_lint.ts";
import type { JsonObject, MachineProbe, SetMember } from "./rule.ts";
import { setRules } from "./rules/plain.ts";
import { builtInMembers, setMember } from "./set_member.ts";

/** What is to be checked. */
export interface LintRequest {
  /** Files and folders; a folder stands for the manifests directly inside it. */
  readonly paths: readonly string[];
  /** A manifest that comes from elsewhere, such as standard input. */
  readonly texts?: readonly { readonly file: string; readonly bytes: Uint8Array }[];
  /** What stands for `{node_id}`. */
  readonly nodeId: string;
  /** Whether findings of a rule are wanted. */
  readonly isOn: (rule: string) => boolean;
  /** Makes what rules ask of the machine; without it they do not run. */
  readonly probe?: () => Promise<MachineProbe>;
}

/** What was found. */
export interface LintOutcome {
  /** Every file that was looked at, in order. */
  readonly files: readonly string[];
  /** Those of them that say `enabled: false`. */
  readonly disabled: number;
  /** In the order of the files, then of their places. */
  readonly findings: readonly Diagnostic[];
  /** Texts of the files with findings, as read. */
  readonly texts: ReadonlyMap<string, string>;
}

/** A file on its way through the rules. */
interface Entry {
  readonly file: string;
  /** Kept only while somebody may still have to find a place in it. */
  text: string | undefined;
  /** The manifest as it stands there; kept only when the machine is asked about it. */
  value: JsonObject | undefined;
  /** What it claims among others; undefined when it claims nothing. */
  member: SetMember | undefined;
  isDisabled: boolean;
  /** Whether it can be read again. */
  readonly isFile: boolean;
  findings: Diagnostic[];
}

type Slow = typeof import("./slow_lint.ts");

/** Loaded by a computed address, so that the runtime does not read it before it is needed. */
async function slowLook(): Promise<Slow> {
  return await import(new URL("./slow_lint.ts", import.meta.url).href);
}

/** Checks manifests. Never throws for what files and folders hold. */
export async function lintFiles(request: LintRequest): Promise<LintOutcome> {
  const reader = new ManifestReader();
  const { nodeId } = request;
  // All are read before the first is looked at: that is a tenth quicker than turn by turn.
  const entries = [...readAll(request, reader)];
  let slow: Slow | undefined;
  for (const entry of entries) {
    if (entry.text === undefined) continue;
    let value = quickLint(entry.text, nodeId);
    if (value === undefined) {
      slow ??= await slowLook();
      const reading = slow.readManifest({ file: entry.file, text: entry.text, nodeId, isOn: request.isOn });
      value = reading.value;
      entry.findings.push(...reading.findings);
    }
    // What did not come from a file could not be read again.
    if (entry.findings.length === 0 && entry.isFile) entry.text = undefined;
    entry.isDisabled = value?.["enabled"] === false;
    if (value === undefined || entry.isDisabled) continue;
    entry.member = setMember(JSON.stringify(entry.file), value, nodeId);
    if (request.probe !== undefined) entry.value = value;
  }
  await checkTogether(entries.filter(({ member }) => member !== undefined), request, reader);
  if (request.probe !== undefined) {
    slow ??= await slowLook();
    const named = entries.filter(({ value }) => value !== undefined);
    await slow.askMachine(named, await request.probe(), request.isOn, (entry) => textOf(entry, reader));
  }
  const texts = new Map<string, string>();
  for (const entry of entries) {
    entry.findings = entry.findings.filter(({ rule }) => request.isOn(rule)).sort(byPlace);
    if (entry.findings.length > 0 && entry.text !== undefined) texts.set(entry.file, entry.text);
  }
  return {
    files: entries.map(({ file }) => file),
    disabled: entries.filter(({ isDisabled }) => isDisabled).length,
    findings: entries.flatMap(({ findings }) => findings),
    texts,
  };
}

function* readAll(request: LintRequest, reader: ManifestReader): Generator<Entry> {
  // A manifest that is handed over stands for the file of its name, as the buffer of an editor does.
  const seen = new Set((request.texts ?? []).map(({ file }) => plainPath(file)));
  for (const path of request.paths) {
    const listed = isFolder(path) ? manifestsIn(path) : [{ file: path, isPlain: false }];
    if ("problem" in listed) {
      yield unreadable(path, listed.problem);
      continue;
    }
    // A folder that is named to be checked and holds nothing is most likely the wrong one.
    if (listed.length === 0) yield unreadable(path, "it holds no .json and no .jsonc file");
    for (const { file, isPlain } of listed) {
      // A file that is named twice is one manifest.
      if (seen.has(plainPath(file))) continue;
      seen.add(plainPath(file));
      yield entryOf(file, reader.read(file, isPlain));
    }
  }
  for (const { file, bytes } of request.texts ?? []) yield entryOf(file, reader.decode(bytes), false);
}

function plainPath(path: string): string {
  return path.replaceAll(/\/(?:\.?\/)+/g, "/").replace(/^(?:\.\/)+/, "");
}

function entryOf(file: string, read: ReturnType<ManifestReader["read"]>, isFile = true): Entry {
  return typeof read === "string"
    ? { file, text: read, value: undefined, member: undefined, isDisabled: false, isFile, findings: [] }
    : unreadable(file, read.problem);
}

function unreadable(file: string, problem: string): Entry {
  const start = { line: 1, column: 1 };
  const message = `cannot be read: ${problem}`;
  const finding: Diagnostic = { rule: "unreadable", severity: "error", file, start, end: start, message };
  return {
    file,
    text: undefined,
    value: undefined,
    member: undefined,
    isDisabled: false,
    isFile: true,
    findings: [finding],
  };
}

/** The rules about manifests that are loaded together. */
async function checkTogether(
  entries: readonly Entry[],
  { nodeId }: LintRequest,
  reader: ManifestReader,
): Promise<void> {
  const builtIn = builtInMembers(nodeId);
  const members = [...builtIn, ...entries.flatMap(({ member }) => member ?? [])];
  const views = new Map<Entry, InstanceType<Slow["TextView"]>>();
  for (const rule of setRules) {
    for (const finding of rule.check(members)) {
      const entry = entries[finding.member - builtIn.length];
      const text = entry === undefined ? undefined : textOf(entry, reader);
      if (entry === undefined || text === undefined) continue;
      const { placedDiagnostic, TextView } = await slowLook();
      const view = views.get(entry) ?? new TextView(entry.file, text);
      views.set(entry, view);
      entry.findings.push(placedDiagnostic(entry.file, view, rule, finding));
    }
  }
}

/** The text of a file that was let go of when it seemed clean. */
function textOf(entry: Entry, reader: ManifestReader): string | undefined {
  if (entry.text === undefined && entry.isFile) {
    const read = reader.read(entry.file);
    if (typeof read === "string") entry.text = read;
  }
  return entry.text;
}

function byPlace(one: Diagnostic, other: Diagnostic): number {
  return one.start.line - other.start.line || one.start.column - other.start.column;
}
