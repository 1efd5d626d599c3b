import { projectIds, proposed } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";
import { wholeNumber } from "../flags.ts";
import { argument, optionalText, repeatedText } from "../text_flags.ts";

interface Flags {
  readonly role: "admin" | "user" | "operator";
  readonly scope: readonly string[];
  readonly onlyProject?: string;
  readonly action: readonly string[];
  readonly expiresInMs?: number;
}

/** `zss server token create` */
export const command = buildCommand<Flags, [string], CliContext>({
  docs: helpPage(`Make a bearer token. Its text is shown now and never again.

Roles: an admin may do everything; a user works in projects, as their policies say;
an operator is a user who may also invite nodes (--scope node), decide about those
that ask to join (--scope operator) or change projects (--scope project).

Examples:
  $ zss server token create alice
  $ zss server token create ci --only-project proj-1 --action read --action invoke --expires-in-ms 86400000
  $ zss server token create desk --role operator --scope operator -o name > desk.token`),
  parameters: {
    flags: {
      role: {
        kind: "enum",
        values: ["admin", "user", "operator"],
        brief: "what the holder may do",
        default: "user",
      },
      scope: repeatedText("node, operator or project, for the role operator; repeatable", "scope"),
      onlyProject: {
        ...optionalText("the only project that it is good for", "id"),
        proposeCompletions: proposed(projectIds),
      },
      action: repeatedText(
        "the only actions that it is good for: read, observe, invoke, mount, admin; repeatable",
        "action",
      ),
      expiresInMs: {
        kind: "parsed",
        parse: wholeNumber(1000, 315_360_000_000),
        brief: "how long it is good for, in milliseconds; without it for ever",
        optional: true,
        placeholder: "ms",
      },
    },
    positional: { kind: "tuple", parameters: [argument("name of the token", "name")] },
  },
  async func(flags, name) {
    const value = await withConnection(this, (connection) =>
      connection.call("token_create", {
        name,
        role: flags.role,
        ...(flags.scope.length === 0 ? {} : { scopes: flags.scope }),
        ...(flags.onlyProject === undefined ? {} : { project_id: flags.onlyProject }),
        ...(flags.action.length === 0 ? {} : { actions: flags.action }),
        ...(flags.expiresInMs === undefined ? {} : { expires_in_ms: flags.expiresInMs }),
      }));
    const token = String(value["token"]);
    await printResult(this, { value, table: [`${name}  ${value["role"]}  ${token}`], names: [token] });
  },
});
