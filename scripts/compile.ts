/**
 * Builds the program into one executable: `deno task compile`.
 *
 * The compiler is the Deno that runs this script. It puts its own runtime
 * under the program, or the one that the environment variable DENORT_BIN
 * names. Modules that are loaded with a literal `import("./x.ts")` are found by
 * the compiler; the folders of the others, and of files that the program reads,
 * are listed in `EMBEDDED`. The lock file is binding: a stale one fails the build.
 *
 * ```sh
 * deno task compile
 * deno task compile --target aarch64-apple-darwin --output dist/zss-macos
 * ```
 *
 * @module
 */

import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** The systems that a release covers. */
export const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
] as const;

/** One of the five systems. */
export type Target = typeof TARGETS[number];

/** What is read, or imported by a computed address, relative to the project; those that exist are put in. */
const EMBEDDED = [
  ...["cli/commands", "cli/render/lint", "cli/helper.ts", "cli/lint_extras.ts", "runtime/manifest/slow_lint.ts"],
  ...["examples/services.d", "control/web/assets"],
];

/** What is to be built. */
export interface BuildRequest {
  readonly target: Target;
  /** Path of the executable, relative to the project. */
  readonly output: string;
}

/**
 * Reads the command line of the script.
 *
 * @param host The target of this machine, for when none is asked for.
 * @throws {RangeError} If the target is none of the five.
 * @throws {TypeError} If there is an unknown option or a stray word.
 */
export function readBuildRequest(args: readonly string[], host: string): BuildRequest {
  const words = args[0] === "--" ? args.slice(1) : [...args];
  const { values } = parseArgs({
    args: words,
    options: { target: { type: "string" }, output: { type: "string", short: "o" } },
  });
  const name = values.target ?? host;
  const target = TARGETS.find((known) => known === name);
  if (target === undefined) {
    throw new RangeError(`Cannot build for "${name}": the targets are ${TARGETS.join(", ")}`);
  }
  const output = values.output ?? "dist/zss";
  const suffix = target.includes("windows") && !output.endsWith(".exe") ? ".exe" : "";
  return { target, output: output + suffix };
}

/**
 * Writes the arguments of the compiler.
 *
 * Compilers before 2.9 get `--no-check`: the types of the project are those of
 * the release that it is written for.
 *
 * @param version Of the compiler, for example `2.9.6`.
 * @param host The target of this machine. It is not named to the compiler, which would then ignore DENORT_BIN.
 */
export function compilerArguments(
  request: BuildRequest,
  version: string,
  host: string,
  embedded: readonly string[],
): string[] {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isOlder = major < 2 || (major === 2 && minor < 9);
  return [
    "compile",
    "--allow-all",
    "--frozen",
    "--exclude-unused-npm",
    ...(isOlder ? ["--no-check"] : []),
    ...(request.target === host ? [] : ["--target", request.target]),
    ...embedded.flatMap((folder) => ["--include", folder]),
    "--output",
    request.output,
    "cli/main.ts",
  ];
}

/**
 * What a person has to do when the compiler has no runtime to put under the program; `undefined` when something else
 * was wrong. The compiler says it too, as the first of a chain of causes.
 *
 * @param said What the compiler wrote to standard error.
 * @param denortBin The environment variable DENORT_BIN.
 */
export function missingRuntime(
  said: string,
  { target, output }: BuildRequest,
  version: string,
  denortBin: string | undefined,
): string | undefined {
  if (!/Setting up base binary|Could not find denort/.test(said)) return undefined;
  const what = `error: Cannot build ${output}: the runtime that goes under the program`;
  if (denortBin) {
    return `${what} cannot be read from DENORT_BIN (${denortBin})\n  hint: name the denort of Deno ${version} for ${target}`;
  }
  const [address = "dl.deno.land"] = /https?:\/\/[^\s)]+/.exec(said) ?? [];
  return `${what} cannot be downloaded from ${address}\n` +
    `  hint: go online once, Deno keeps it; or set DENORT_BIN to the denort of Deno ${version} for ${target}`;
}

async function main(): Promise<number> {
  const root = new URL("../", import.meta.url);
  const host = Deno.build.target;
  let request: BuildRequest;
  try {
    request = readBuildRequest(Deno.args, host);
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : error}`);
    return 2;
  }
  const embedded = EMBEDDED.filter((folder) => existsSync(new URL(folder, root)));
  const args = compilerArguments(request, Deno.version.deno, host, embedded);
  const compiler = new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    // The compiler's threads run out of stack on a tree of modules of this size.
    env: { RUST_MIN_STACK: Deno.env.get("RUST_MIN_STACK") ?? "67108864" },
    stderr: "piped",
  }).spawn();
  let said = "";
  const decoder = new TextDecoder();
  for await (const bytes of compiler.stderr) {
    await Deno.stderr.write(bytes);
    said += decoder.decode(bytes, { stream: true });
  }
  if (!(await compiler.status).success) {
    const reason = missingRuntime(said, request, Deno.version.deno, Deno.env.get("DENORT_BIN"));
    if (reason !== undefined) console.error(`\n${reason}`);
    return 3;
  }
  const megabytes = statSync(resolve(fileURLToPath(root), request.output)).size / 1e6;
  console.error(`${request.output}: ${megabytes.toFixed(1)} MB for ${request.target}`);
  return 0;
}

if (import.meta.main) Deno.exit(await main());
