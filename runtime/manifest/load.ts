/**
 * Reads the manifests of a node from its files and folders.
 *
 * Every bad file is named; the good ones are loaded all the same.
 *
 * @module
 */

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Diagnostic, errorText } from "../../control/protocol/mod.ts";
import { readManifest } from "./lint.ts";
import type { ServiceManifest } from "./schema.ts";
import { expand } from "./template.ts";

/** Largest manifest that is read, in bytes. */
export const MAX_MANIFEST_BYTES = 262_144;

/** What to load. */
export interface LoadOptions {
  /** Files, in this order. */
  readonly files: readonly string[];
  /** Folders; of each the files that end in .json or .jsonc, sorted by name. */
  readonly dirs: readonly string[];
  readonly nodeId: string;
  /** Ids that are taken already, with who has them. */
  readonly reserved: ReadonlyMap<string, string>;
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
export async function loadManifests(options: LoadOptions): Promise<LoadResult> {
  const findings: Diagnostic[] = [];
  const listed = await Promise.all(options.dirs.map((dir) => manifestsIn(dir, findings)));
  const files = [...options.files, ...listed.flat()];
  const texts = await Promise.all(files.map((file) => readText(file)));
  const services: LoadedManifest[] = [];
  const disabled: string[] = [];
  const taken = new Map(options.reserved);
  files.forEach((file, index) => {
    const read = texts[index];
    if (read === undefined || "problem" in read) {
      findings.push(fileFinding(file, "unreadable", read?.problem ?? "cannot be read"));
      return;
    }
    const reading = readManifest({ file, text: read.text });
    findings.push(...reading.findings);
    if (reading.disabled) disabled.push(file);
    if (reading.manifest === undefined) return;
    const service = expand(reading.manifest, options.nodeId);
    const owner = taken.get(service.service_id);
    if (owner !== undefined) {
      findings.push({
        ...fileFinding(file, "duplicate-service-id", `service_id "${service.service_id}" is taken by ${owner}`),
        hint: "choose another service_id",
        path: "/service_id",
      });
      return;
    }
    taken.set(service.service_id, `"${file}"`);
    services.push({ file, service });
  });
  return { services, disabled, findings };
}

async function manifestsIn(dir: string, findings: Diagnostic[]): Promise<string[]> {
  try {
    const names = (await readdir(dir)).filter((name) => /\.jsonc?$/.test(name)).sort();
    const files = names.map((name) => join(dir, name));
    const isFile = await Promise.all(files.map((file) => stat(file).then((found) => found.isFile(), () => true)));
    return files.filter((_, index) => isFile[index]);
  } catch (error) {
    findings.push(fileFinding(dir, "unreadable", `cannot list the folder: ${errorText(error)}`));
    return [];
  }
}

async function readText(file: string): Promise<{ readonly text: string } | { readonly problem: string }> {
  try {
    const { size } = await stat(file);
    if (size > MAX_MANIFEST_BYTES) return { problem: `has ${size} bytes: at most ${MAX_MANIFEST_BYTES} are wanted` };
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await readFile(file)) };
  } catch (error) {
    return { problem: error instanceof TypeError ? "is not UTF-8 text" : `cannot be read: ${errorText(error)}` };
  }
}

function fileFinding(file: string, rule: string, message: string): Diagnostic {
  const start = { line: 1, column: 1 };
  return { rule, severity: "error", file, start, end: start, message };
}
