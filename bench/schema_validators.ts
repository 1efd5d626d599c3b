/**
 * Two validators of JSON Schema as peers: the native one of sourcemeta, and ajv-cli.
 *
 * They come from npm into a folder of the bench, once per run, and are no
 * dependency of the project. Nothing of them runs while they are installed.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type CheckedProgram, checkedProgram } from "./checked_program.ts";
import type { Contender } from "./harness.ts";

const PACKAGES = ["@sourcemeta/jsonschema@16.11.0", "ajv-cli@5.0.0"] as const;
const INSTALL = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
/** npm waits for minutes where there is no network. */
const INSTALL_TIMEOUT_MS = 60_000;

/** What is to be validated. */
export interface Validation {
  /** Path of a JSON Schema. */
  readonly schema: string;
  /** Path of a folder; each `.json` in it is checked. */
  readonly folder: string;
  /** How many there are: a validator that looks at fewer fails. */
  readonly files: number;
}

/** Installs the validators below a folder; those that cannot be had are named in a note. */
export function schemaValidators(
  prefix: string,
  { schema, folder, files }: Validation,
): { readonly contenders: readonly Contender[]; readonly notes: readonly string[] } {
  const { error, status, stderr } = spawnSync("npm", [...INSTALL, "--prefix", prefix, ...PACKAGES], {
    encoding: "utf8",
    timeout: INSTALL_TIMEOUT_MS,
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (error !== undefined || status !== 0) {
    const why = error?.message ?? /^npm error .+$/m.exec(stderr)?.[0] ?? `it ended with ${status}`;
    return { contenders: [], notes: [`no ${PACKAGES.join(" and no ")}: npm cannot install them: ${why}`] };
  }
  const modules = join(prefix, "node_modules");
  const all: readonly (CheckedProgram & { readonly needs: string })[] = [
    {
      name: "sourcemeta jsonschema",
      needs: sourcemetaBinary(modules),
      file: sourcemetaBinary(modules),
      args: ["validate", schema, folder],
      says: new RegExp(`^${files} validated, ${files} passed, 0 failed$`, "m"),
    },
    {
      name: "ajv-cli",
      needs: join(modules, "ajv-cli", "dist", "index.js"),
      file: "node",
      args: [
        ...[join(modules, "ajv-cli", "dist", "index.js"), "validate", "--strict=false", "--spec=draft2020"],
        ...["-s", schema, "-d", `${folder}/*.json`],
      ],
      // One line for each file, and nothing else.
      says: new RegExp(`^(?:\\S+ valid\\n){${files}}$`),
    },
  ];
  return {
    contenders: all.filter(({ needs }) => existsSync(needs)).map(checkedProgram),
    notes: all.filter(({ needs }) => !existsSync(needs)).map(({ name }) => `no ${name} for ${Deno.build.target}`),
  };
}

/** Where the package keeps the program that its own launcher would start. */
function sourcemetaBinary(modules: string): string {
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "x86_64";
  const suffix = Deno.build.os === "windows" ? ".exe" : Deno.build.target.endsWith("-musl") ? "-musl" : "";
  const file = `jsonschema-${Deno.build.os}-${arch}${suffix}`;
  return join(modules, "@sourcemeta", "jsonschema", "build", "github-releases", file);
}
