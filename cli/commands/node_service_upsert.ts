import { nodeArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { parseJson } from "../../control/protocol/json.ts";
import { usageError } from "../errors.ts";
import { nonEmpty } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { nodeIdOf } from "../node_names.ts";
import { readToken, withConnection } from "../remote.ts";
import { optionalText, pairsOf, repeatedText } from "../text_flags.ts";
import { changeLines, eventLine } from "../render/event.ts";
import { printResult } from "../render/mod.ts";
import { paintFor } from "../paint.ts";

interface Flags {
  readonly secretFile: string;
  readonly servicesJson?: string;
  readonly servicesFile?: string;
  readonly os?: string;
  readonly arch?: string;
  readonly runtimeKind?: string;
  readonly label: readonly string[];
}

/** `zss node service-upsert` */
export const command = buildCommand<Flags, [string], CliContext>({
  docs: helpPage(`Publish the catalog of a node by hand, with the node's own secret. What is not given
stays as it is.

Examples:
  $ zss node service-upsert node-1 --secret-file secret --services-file services.json
  $ zss node service-upsert node-1 --secret-file secret --label site=hq --os linux`),
  parameters: {
    flags: {
      secretFile: {
        kind: "parsed",
        parse: nonEmpty,
        brief: "file that holds the node's secret; a secret on the command line would be seen by everybody",
        placeholder: "path",
      },
      servicesJson: optionalText("services as a JSON array", "json"),
      servicesFile: optionalText("file that holds such an array; - for standard input", "path"),
      os: optionalText("operating system of the node", "name"),
      arch: optionalText("processor of the node", "name"),
      runtimeKind: optionalText("kind of the node's runtime", "name"),
      label: repeatedText("label of the node; all of them together replace those it has; repeatable", "key=value"),
    },
    positional: { kind: "tuple", parameters: [nodeArgument()] },
  },
  async func(flags, given) {
    const platform = { os: flags.os, arch: flags.arch, runtime_kind: flags.runtimeKind };
    const services = await servicesOf(flags, this);
    const request = {
      node_secret: await readToken(flags.secretFile, "--secret-file"),
      ...(Object.values(platform).some((part) => part !== undefined) ? { platform } : {}),
      ...(flags.label.length === 0 ? {} : { labels: pairsOf(flags.label, "--label") }),
      ...(services === undefined ? {} : { services }),
    };
    const value = await withConnection(this, async (connection) => {
      // Who has the secret of a node need not be somebody who may look others up.
      const node_id = await nodeIdOf(connection, given, "keep");
      return await connection.call("node_service_upsert", { node_id, ...request });
    });
    const lines = eventLine(value) + changeLines(value, paintFor({ isTerminal: false }, {}));
    await printResult(this, { value, table: lines.trimEnd().split("\n"), names: [String(value["revision"])] });
  },
});

async function servicesOf(flags: Flags, { io }: CliContext): Promise<unknown> {
  const { servicesJson, servicesFile } = flags;
  if (servicesJson !== undefined && servicesFile !== undefined) {
    throw usageError("Cannot publish: --services-json and --services-file are both given", "give one of them");
  }
  if (servicesJson === undefined && servicesFile === undefined) return undefined;
  const source = servicesFile === undefined
    ? servicesJson ?? ""
    : servicesFile === "-"
    ? new TextDecoder().decode(await io.readStdin())
    : await Deno.readTextFile(servicesFile).catch((error: unknown) => {
      throw usageError(`Cannot read "${servicesFile}": ${error instanceof Error ? error.message : error}`);
    });
  const value = parseJson(source);
  if (!Array.isArray(value)) throw usageError("Cannot publish: the services are no JSON array");
  return value;
}
