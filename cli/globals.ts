/**
 * Flags that work in any position, before and after the command's name.
 *
 * They are taken out of the arguments before the command line is parsed; `--`
 * ends them. A value that looks like one of them is given as `--flag=value`.
 *
 * @module
 */

import { usageError } from "./errors.ts";

/** Forms of output. */
export const outputForms = ["table", "json", "yaml", "name"] as const;

/** The global flags as given. */
export interface Globals {
  readonly url: string | undefined;
  readonly tokenFile: string | undefined;
  /** File of certificates that are trusted besides those that everybody trusts. */
  readonly ca: string | undefined;
  /** Name of a context. */
  readonly context: string | undefined;
  /** Id of a project. */
  readonly project: string | undefined;
  /** As given; a command checks that it knows the form. */
  readonly output: string | undefined;
  readonly verbose: boolean;
  /** How many words stand behind `--`, for a command to which that makes a difference; none without it. */
  readonly escaped: number;
}

/** The flags that take a value, and where it goes. */
export const globalValues: Readonly<Record<string, Exclude<keyof Globals, "verbose" | "escaped">>> = {
  "--url": "url",
  "--token-file": "tokenFile",
  "--ca": "ca",
  "--context": "context",
  "--project": "project",
  "--output": "output",
  "-o": "output",
};

/** What every help page says about them. */
export const globalsHelp = `Options that work everywhere:
  --url <address>      server, default ws://127.0.0.1:18790 (ZSS_URL, SPIDERWEB_URL)
  --token-file <path>  file that holds the bearer token (or ZSS_TOKEN, SPIDERWEB_AUTH_TOKEN)
  --ca <file>          certificates to trust for wss://, PEM, besides the usual ones (ZSS_CA)
  --context <name>     server and token of this context (or ZSS_CONTEXT); see zss context
  --project <id>       bind the session to this project (or ZSS_PROJECT; its token in ZSS_PROJECT_TOKEN)
  -o, --output <form>  table, json, yaml or name; --json is short for -o json
  --verbose            say more on standard error`;

/** @throws {ZssError} `usage` when a flag lacks its value. */
export function liftGlobals(argv: readonly string[]): { globals: Globals; rest: string[] } {
  const globals: { -readonly [K in keyof Globals]: Globals[K] } = {
    url: undefined,
    tokenFile: undefined,
    ca: undefined,
    context: undefined,
    project: undefined,
    output: undefined,
    verbose: false,
    escaped: 0,
  };
  const rest: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? "";
    if (argument === "--") {
      rest.push(...argv.slice(i));
      globals.escaped = argv.length - i - 1;
      break;
    }
    const equals = argument.indexOf("=");
    const name = equals > 0 ? argument.slice(0, equals) : argument;
    const member = globalValues[name];
    if (argument === "--json") globals.output = "json";
    else if (argument === "--verbose") globals.verbose = true;
    else if (member === undefined) rest.push(argument);
    else {
      const value = equals > 0 ? argument.slice(equals + 1) : argv[++i];
      if (value === undefined || value === "" || (equals <= 0 && isGlobalFlag(value))) {
        throw usageError(
          `Cannot read ${name}: it needs a value${value ? `, ${value} found` : ""}`,
          value ? `if that is the value: ${name}=${value}` : undefined,
        );
      }
      globals[member] = value;
    }
  }
  return { globals, rest };
}

function isGlobalFlag(word: string): boolean {
  const [name = ""] = word.split("=", 1);
  return Object.hasOwn(globalValues, name) || ["--", "--json", "--verbose", "--help"].includes(word);
}

/** Whether a command line that cannot be read asks for JSON, so that its error can be so. */
export function asksForJson(argv: readonly string[]): boolean {
  const escape = argv.indexOf("--");
  const words = escape < 0 ? argv : argv.slice(0, escape);
  return words.some((word, at) =>
    ["--json", "-o=json", "--output=json"].includes(word) ||
    (word === "json" && ["-o", "--output"].includes(words[at - 1] ?? ""))
  );
}
