import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";

/** `zss manifest schema` */
export const command = buildCommand<Record<never, never>, [], CliContext>({
  docs: helpPage(`Print the JSON Schema of a service manifest, for editors and other tools.

It is the file schemas/manifest.v1.json of the project, and the very schema that
the linter and a node go by. What a schema cannot say, such as two manifests with
one service_id, zss manifest lint finds.

Examples:
  $ zss manifest schema > manifest.v1.json`),
  parameters: {},
  async func() {
    const { manifestJsonSchema } = await import("../../runtime/manifest/mod.ts");
    this.io.stdout.write(manifestJsonSchema());
  },
});
