/**
 * What is wrong with a command line, as the errors that every command has.
 *
 * @module
 */

import { ArgumentScannerError, formatMessageForArgumentScannerError, UnexpectedPositionalError } from "@stricli/core";
import { errorText, ZssError } from "../control/protocol/errors.ts";
import { isWithoutProject, usageError } from "./errors.ts";
import { type Branch, type Leaf, rootRoutes } from "./routes.ts";

/** An option or argument that could not be read. */
export function misreadArgument(error: unknown, argv: readonly string[]): ZssError {
  if (error instanceof ZssError) return error;
  const { name: command, isBranch } = commandIn(argv);
  const hint = `${command} --help shows what it takes`;
  if (!(error instanceof ArgumentScannerError)) {
    return usageError(`Cannot read the command line: ${errorText(error)}`, hint);
  }
  if (isBranch && error instanceof UnexpectedPositionalError) return misreadCommand(error.input, [], argv);
  let meant: readonly string[] = [];
  const problem = formatMessageForArgumentScannerError(error, {
    FlagNotFoundError({ input, corrections, aliasName }) {
      meant = [...new Set(corrections.map(optionOf))];
      return aliasName === undefined
        ? `there is no option --${input}`
        : `there is no option -${aliasName}, which stands for --${input}`;
    },
    AliasNotFoundError: ({ input }) => `there is no option -${input}`,
    ArgumentParseError: ({ externalFlagNameOrPlaceholder: name, input, exception }) =>
      `"${input}" is no ${name}: ${errorText(exception)}`,
    EnumValidationError: ({ externalFlagName, input, values }) =>
      `"${input}" is no ${externalFlagName}: one of ${values.join(", ")} is wanted`,
    UnsatisfiedFlagError: ({ externalFlagName, nextFlagName }) =>
      `--${externalFlagName} needs a value${nextFlagName === undefined ? "" : `, --${nextFlagName} found`}`,
    UnexpectedPositionalError: ({ expectedCount, input }) =>
      expectedCount === 0 ? `it takes no argument, "${input}" found` : `"${input}" is one argument too many`,
    UnsatisfiedPositionalError: ({ placeholder, limit }) =>
      limit === undefined
        ? `<${placeholder}> is missing`
        : `<${placeholder}> is missing: ${limit[0]} wanted, ${limit[1]} found`,
    InvalidNegatedFlagSyntaxError: ({ externalFlagName }) => `--${externalFlagName} takes no value`,
    UnexpectedFlagError: ({ externalFlagName, previousInput, input }) =>
      `--${externalFlagName} is given twice: "${previousInput}" and "${input}"`,
  });
  return usageError(
    `Cannot run ${command}: ${problem}`,
    meant.length === 0 ? hint : `did you mean ${meant.join(" or ")}? ${hint}`,
  );
}

/** A word that is no command. */
export function misreadCommand(input: string, corrections: readonly string[], argv: readonly string[]): ZssError {
  const { name } = commandIn(argv);
  // The parser goes far; what begins otherwise was hardly meant.
  const meant = corrections.map(plain).filter((word) => word[0] === input[0]);
  return usageError(
    `Cannot run "${name} ${input}": no such command`,
    meant.length > 0 ? `did you mean ${meant.join(" or ")}?` : `${name} --help shows the commands`,
  );
}

/**
 * What the server says of a session without a project, in the words of whoever typed the command; any other error stays
 * as it is.
 */
export function withoutProject(error: unknown, argv: readonly string[]): unknown {
  if (!(error instanceof ZssError) || !isWithoutProject(error)) return error;
  const { name } = commandIn(argv);
  const reason = error.code === "provisioning_required"
    ? "you work in no project yet"
    : "the project that you worked in last is gone, or may not be read by you any more";
  return new ZssError(error.code, `Cannot run ${name}: ${reason}`, {
    hint:
      "name one with --project, or take one for good with zss project activate; zss project list shows those there are",
    cause: error,
  });
}

/** The command that the words lead to, as it is typed, and whether further ones stand behind it. */
function commandIn(argv: readonly string[]): { readonly name: string; readonly isBranch: boolean } {
  const name = ["zss"];
  let at: Leaf | Branch = rootRoutes;
  for (const word of argv) {
    if (!("routes" in at) || !Object.hasOwn(at.routes, word)) break;
    const next: Leaf | Branch | undefined = at.routes[word];
    if (next === undefined) break;
    name.push(word);
    at = next;
  }
  return { name: name.join(" "), isBranch: "routes" in at };
}

/** An option as it is typed; the parser proposes it in either form. */
function optionOf(correction: string): string {
  const name = plain(correction).replace(/^-+/, "");
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A proposal without the quotes that the parser puts around it. */
function plain(correction: string): string {
  return correction.replaceAll("`", "");
}
