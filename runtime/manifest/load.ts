/**
 * Reads the manifests of a node from its files and folders.
 *
 * Every bad file is named; the good ones are loaded all the same.
 *
 * @module
 */

import type { Diagnostic } from "../../control/protocol/diagnostic.ts";
import { placedDiagnostic, readManifest } from "./lint.ts";
import { ManifestReader, manifestsIn } from "./manifest_files.ts";
import type { SetMember } from "./rule.ts";
import { setRules, unreadable } from "./rules/mod.ts";
import type { Manifest, ServiceManifest } from "./schema.ts";
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
}

/** Loads manifests. Never throws for what files and folders hold. */
export function loadManifests(options: LoadOptions): LoadResult {
  const reader = new ManifestReader();
  const { nodeId } = options;
  const findings: Diagnostic[] = [];
  const disabled: string[] = [];
  const read: {
    readonly file: string;
    readonly view: TextView;
    readonly manifest: Manifest;
    readonly member: SetMember;
  }[] = [];
  for (const file of listed(options, findings)) {
    const text = reader.read(file);
    if (typeof text !== "string") {
      findings.push(fileFinding(file, `cannot be read: ${text.problem}`));
      continue;
    }
    const reading = readManifest({ file, text, nodeId });
    findings.push(...reading.findings);
    if (reading.disabled) disabled.push(file);
    if (reading.manifest === undefined || reading.value === undefined) continue;
    const member = setMember(JSON.stringify(file), reading.value, nodeId);
    read.push({ file, view: new TextView(file, text), manifest: reading.manifest, member });
  }
  const refused = new Set<number>();
  const members = [...options.reserved, ...read.map(({ member }) => member)];
  for (const rule of setRules) {
    for (const finding of rule.check(members)) {
      const index = finding.member - options.reserved.length;
      const at = read[index];
      if (at === undefined) continue;
      refused.add(index);
      findings.push(placedDiagnostic(at.file, at.view, rule, finding));
    }
  }
  const services = read.filter((_, index) => !refused.has(index))
    .map(({ file, manifest }) => ({ file, service: expand(manifest, nodeId) }));
  return { services, disabled, findings };
}

function* listed({ files, dirs }: LoadOptions, findings: Diagnostic[]): Generator<string> {
  yield* files;
  for (const dir of dirs) {
    const found = manifestsIn(dir);
    if ("problem" in found) findings.push(fileFinding(dir, `cannot be read: ${found.problem}`));
    else yield* found.map(({ file }) => file);
  }
}

function fileFinding(file: string, message: string): Diagnostic {
  const start = { line: 1, column: 1 };
  return { rule: unreadable.id, severity: unreadable.severity, file, start, end: start, message };
}
