import { contextArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { contextFile, readContexts, requireContextFile } from "../contexts/context_file.ts";
import { contextNamed } from "../contexts/contexts.ts";
import type { Said } from "../contexts/resolve_remote.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { resolvedRemote, saidCa, saidProject, wishesOf } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss context show` */
export const command = buildCommand<Record<never, never>, [string?], CliContext>({
  docs: helpPage(`Show which server a command would talk to now, and where each part of that comes
from: a flag, a variable, the context or the default. Takes the flags that any
command takes. With a name, show what that context holds, whatever flags and
variables say. The token is not shown, and the server is not asked.

Examples:
  $ zss context show
  $ zss context show lab
  $ zss context show --context lab --project site
  $ zss context show -o name`),
  parameters: {
    positional: { kind: "tuple", parameters: [{ ...contextArgument, optional: true }] },
  },
  async func(_flags, name) {
    const shown = name === undefined ? await wouldBeUsed(this) : await held(this, name);
    const { context, url, tokenFrom, ca, project } = shown;
    const file = contextFile(this.io.env);
    const line = (label: string, said: Said | undefined) =>
      said === undefined ? [] : [`${label.padEnd(9)}${said.value} (${said.from})`];
    await printResult(this, {
      value: {
        context: context ?? null,
        url: url.value,
        url_from: url.from,
        has_token: tokenFrom !== undefined,
        token_from: tokenFrom,
        ca: ca?.value,
        ca_from: ca?.from,
        project: project?.value,
        project_from: project?.from,
        file,
      },
      table: [
        `context  ${context ?? "(none)"}`,
        ...line("url", url),
        `token    ${tokenFrom === undefined ? "(none)" : `set (${tokenFrom})`}`,
        ...line("ca", ca),
        ...line("project", project),
        `file     ${file ?? "(none)"}`,
      ],
      names: context === undefined ? [] : [context],
    });
  },
});

/** A server, and where each part of it was found. */
interface Shown {
  readonly context: string | undefined;
  readonly url: Said;
  readonly tokenFrom: string | undefined;
  readonly ca: Said | undefined;
  readonly project: Said | undefined;
}

async function wouldBeUsed(context: CliContext): Promise<Shown> {
  const remote = await resolvedRemote(context, await wishesOf(context));
  return {
    context: remote.context,
    url: { value: remote.url, from: remote.urlFrom },
    tokenFrom: remote.tokenFrom,
    ca: saidCa(context) ?? ofContext(remote.ca),
    project: saidProject(context) ?? ofContext(remote.project),
  };
}

async function held({ io }: CliContext, name: string): Promise<Shown> {
  const { url, token, ca, project } = contextNamed(
    await readContexts(requireContextFile(io.env)),
    name,
    undefined,
    "show",
  );
  return {
    context: name,
    url: { value: url, from: "context" },
    tokenFrom: token === undefined ? undefined : "context",
    ca: ofContext(ca),
    project: ofContext(project),
  };
}

function ofContext(value: string | undefined): Said | undefined {
  return value === undefined ? undefined : { value, from: "context" };
}
