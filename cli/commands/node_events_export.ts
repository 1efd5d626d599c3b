import { nodeArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { wholeNumber } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { eventsSince } from "../past_events.ts";
import { nodeIdOf } from "../node_names.ts";
import { withConnection } from "../remote.ts";

interface Flags {
  readonly since: number;
  readonly node?: string;
}

/** `zss node events export` */
export const command = buildCommand<Flags, [], CliContext>({
  docs: helpPage(`Print every event that a server holds as NDJSON, oldest first, each as it was sent:
with its epoch and revision.

Examples:
  $ zss node events export > events.ndjson
  $ zss node events export --node node-1 --since 100`),
  parameters: {
    flags: {
      since: {
        kind: "parsed",
        parse: wholeNumber(0, 999_999_999_999_999),
        brief: "begin behind this revision",
        default: "0",
        placeholder: "revision",
      },
      node: {
        kind: "parsed",
        ...nodeArgument("events of this node only"),
        optional: true,
      },
    },
  },
  async func({ since, node }) {
    const count = await withConnection(this, async (connection) => {
      const nodeId = node === undefined ? undefined : await nodeIdOf(connection, node, "keep");
      let written = 0;
      for await (const event of eventsSince(connection, since, nodeId)) {
        this.io.stdout.write(JSON.stringify(event) + "\n");
        written++;
      }
      return written;
    });
    this.io.stderr.write(`${count} event${count === 1 ? "" : "s"} exported\n`);
  },
});
