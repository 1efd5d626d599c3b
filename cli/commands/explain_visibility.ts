import { projectIds, proposed, tokenNames } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { listIn, objectIn } from "../answer.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { nodeIdOf } from "../node_names.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";
import { Exit } from "../exit.ts";
import { projectTokenOf } from "../project_fields.ts";
import { argument, optionalText } from "../text_flags.ts";

/** `zss explain visibility` */
export const command = buildCommand<
  { readonly as?: string; readonly agent?: string; readonly inProject?: string },
  [string],
  CliContext
>({
  docs: helpPage(`Say whether somebody sees a node or a service, and which rule decides. An admin may
ask for the holder of any token.

Examples:
  $ zss explain visibility /nodes/node-1/camera
  $ zss explain visibility /nodes/node-1/camera --as alice --in-project proj-1

Exit status:
  0  visible    1  hidden`),
  parameters: {
    flags: {
      as: { ...optionalText("name or id of a token", "token"), proposeCompletions: proposed(tokenNames) },
      agent: optionalText("agent of the session", "id"),
      inProject: { ...optionalText("project of the session", "id"), proposeCompletions: proposed(projectIds) },
    },
    positional: { kind: "tuple", parameters: [argument("path below /nodes", "path")] },
  },
  async func(flags, given) {
    const [path, value] = await withConnection(this, async (connection) => {
      const [, word, rest = ""] = /^\/nodes\/([^/]+)(.*)$/s.exec(given) ?? [];
      const path = word === undefined ? given : `/nodes/${await nodeIdOf(connection, word, "keep")}${rest}`;
      const request = { path, as: flags.as, agent_id: flags.agent, project_id: flags.inProject };
      return [path, await connection.call("explain_visibility", { ...request, ...projectTokenOf(this.io) })] as const;
    });
    const steps = listIn(value, "steps");
    const actor = objectIn(value, "actor");
    const who = `${actor["name"] ?? actor["role"]} (${actor["role"]}), agent ${value["agent_id"]}, project ${
      value["project_id"] ?? "none"
    }`;
    await printResult(this, {
      value,
      table: [
        `${path} is ${value["visible"] === true ? "visible" : "hidden"} for ${who}`,
        ...steps.map((step) => `  ${step["visible"] === true ? "yes" : "no "}  ${step["about"]}: ${step["rule"]}`),
        ...(typeof value["hint"] === "string" ? [`  hint: ${value["hint"]}`] : []),
      ],
      names: [value["visible"] === true ? "visible" : "hidden"],
    });
    if (value["visible"] !== true) this.setExitCode(Exit.problems);
  },
});
