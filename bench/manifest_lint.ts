/**
 * How long a check of ten thousand manifests takes, as whole processes, beside
 * validators that hold the same files against the published JSON Schema.
 *
 * The peers only validate; ours runs every rule, duplicate keys and overlapping
 * mounts included. All read the same folder, made fresh for the run.
 *
 * @module
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkedProgram, waysToStart } from "./checked_program.ts";
import type { Bench, Field } from "./harness.ts";
import { peakMemory } from "./peak_memory.ts";
import { sampleManifest } from "./sample_manifest.ts";
import { schemaValidators } from "./schema_validators.ts";

const SCHEMA = fileURLToPath(new URL("../schemas/manifest.v1.json", import.meta.url));
const FILES = 10_000;
/** The highest peak of so many runs is told. */
const MEMORY_RUNS = 3;

let folder: string | undefined;

/** Ten thousand valid manifests of about 1 KB. */
export const manifestLint: Bench = {
  name: "manifest_lint",
  unit: "ms",
  rounds: 7,
  prepare,
  cleanUp() {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    folder = undefined;
    return Promise.resolve();
  },
};

async function prepare(): Promise<Field> {
  folder = mkdtempSync(join(tmpdir(), "zss-bench-"));
  const manifests = join(folder, "services.d");
  const bytes = writeManifests(manifests);
  const peers = schemaValidators(join(folder, "peers"), { schema: SCHEMA, folder: manifests, files: FILES });
  const { source, binary, notes } = waysToStart();
  const ours = [source, ...(binary === undefined ? [] : [binary])].map(({ from, file, args }) => ({
    name: `zss manifest lint (${from})`,
    file,
    args: [...args, "manifest", "lint", manifests],
    says: new RegExp(`^${FILES} manifests checked: no problems\n$`),
  }));
  const memory: string[] = [];
  for (const { name, file, args } of ours) memory.push(`peak memory of ${name}: ${await megabytes(file, args)}`);
  const contenders = [...peers.contenders, ...ours.map(checkedProgram)];
  return {
    contenders,
    peer: contenders[0]?.name ?? "",
    notes: [`${FILES} manifests, ${Math.round(bytes / FILES)} bytes on average`, ...peers.notes, ...notes, ...memory],
  };
}

/** Fills a new folder and tells how many bytes that took. */
function writeManifests(into: string): number {
  mkdirSync(into);
  let bytes = 0;
  for (let index = 0; index < FILES; index++) {
    const text = new TextEncoder().encode(sampleManifest(index));
    bytes += text.length;
    writeFileSync(join(into, `service-${String(index).padStart(5, "0")}.json`), text);
  }
  return bytes;
}

async function megabytes(file: string, args: readonly string[]): Promise<string> {
  const peaks: number[] = [];
  for (let run = 0; run < MEMORY_RUNS; run++) {
    const peak = await peakMemory(file, args);
    if (peak === undefined) return "left out, it is read on Linux only";
    peaks.push(peak);
  }
  return `${Math.round(Math.max(...peaks) / 1e6)} MB`;
}
