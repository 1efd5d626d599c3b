import { buildCommand } from "@stricli/core";
import { resolve } from "node:path";
import { readContexts, requireContextFile, writeContexts } from "../contexts/context_file.ts";
import { contextValue } from "../contexts/context_value.ts";
import { type Context, isContextName } from "../contexts/contexts.ts";
import { usageError } from "../errors.ts";
import { nonEmpty } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { environmentToken, oneToken, readCertificates, readToken } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss context add` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(
    `Keep a server and the token for it under a name.

--url names the server. The token is read from --token-file, from standard input
with --token-file -, or from ZSS_TOKEN, and is kept in a file that only you can
read; without one the context is anonymous. --ca names certificates that are trusted
for this server besides the usual ones; the file stays where it is. The server is
not asked. A context that is there already is not replaced: delete it first.

Examples:
  $ zss context add lab --url ws://127.0.0.1:18790 --token-file lab.token
  $ pass show zss/lab | zss context add lab --url ws://127.0.0.1:18790 --token-file -
  $ zss context add office --url wss://zss.example:443 --ca office.pem --project site

Exit status:
  0  kept    2  wrong usage    3  a file could not be read or written`,
    "<name> --url <address> [--token-file <path>] [--ca <file>] [--project <id>]",
  ),
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{
        parse: nonEmpty,
        brief: "name to keep it under: letters, digits, dots, - and _",
        placeholder: "name",
      }],
    },
  },
  async func(_flags, name) {
    const { io, globals } = this;
    if (!isContextName(name)) {
      throw usageError(
        `Cannot add context "${name}": a name is up to 64 letters, digits, dots, - and _, a letter or digit first`,
      );
    }
    if (globals.url === undefined) {
      throw usageError(`Cannot add context "${name}": its server is not named`, "name it with --url ws://host:port");
    }
    const url = checkedUrl(globals.url, name);
    const path = requireContextFile(io.env);
    const contexts = await readContexts(path);
    if (contexts.byName.has(name)) {
      throw usageError(`Cannot add context "${name}": it is there already`, `zss context delete ${name} removes it`);
    }
    const token = await tokenOf(this);
    const context: Context = {
      url: globals.url,
      ...(token === undefined ? {} : { token }),
      ...(globals.ca === undefined ? {} : { ca: await checkedCa(globals.ca, url, name) }),
      ...(globals.project === undefined ? {} : { project: globals.project }),
    };
    await writeContexts(path, { ...contexts, byName: new Map([...contexts.byName, [name, context]]) });
    if (contexts.current === undefined) io.stderr.write(`make it the current one with zss context use ${name}\n`);
    await printResult(this, {
      value: { ...contextValue(name, context), file: path },
      table: [`context ${name} added: ${context.url}, ${token === undefined ? "without a" : "with its"} token`],
      names: [name],
    });
  },
});

async function tokenOf({ io, globals }: CliContext): Promise<string | undefined> {
  if (globals.tokenFile === "-") return oneToken(new TextDecoder().decode(await io.readStdin()), "standard input");
  if (globals.tokenFile !== undefined) return await readToken(globals.tokenFile, "--token-file");
  const said = environmentToken(io.env);
  if (said === undefined) return undefined;
  // A variable that was set for another server would otherwise be kept without a word.
  io.stderr.write(`note: the token is that of ${said.from}\n`);
  return oneToken(said.value, said.from);
}

/** An address may be shown in any list, so it must hold no secret. */
function checkedUrl(text: string, name: string): URL {
  const wanted = "an address of the form ws://host:port is wanted";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw usageError(`Cannot add context "${name}": ${wanted}`);
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw usageError(
      `Cannot add context "${name}": its address holds a user, a password or a query, and everybody may see it`,
      "give the token with --token-file or ZSS_TOKEN",
    );
  }
  if ((url.protocol === "ws:" || url.protocol === "wss:") && url.hostname !== "") return url;
  throw usageError(`Cannot add context "${name}" for "${text}": ${wanted}`);
}

async function checkedCa(file: string, url: URL, name: string): Promise<string> {
  if (url.protocol !== "wss:") {
    throw usageError(`Cannot add context "${name}": a ws:// server shows no certificate that --ca could check`);
  }
  const path = resolve(file);
  await readCertificates(path);
  return path;
}
