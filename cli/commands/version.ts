import { buildCommand } from "@stricli/core";
import { platform } from "../../drivers/process/this_system.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { printResult } from "../render/mod.ts";
import { VERSION } from "../version.ts";

/** `zss version` */
export const command = buildCommand<Record<never, never>, [], CliContext>({
  docs: helpPage(`Print the version of zss, of the runtime under it and of the protocols it speaks.

Examples:
  $ zss version
  $ zss version --json`),
  parameters: {},
  async func() {
    const value = {
      version: VERSION,
      runtime: `deno ${Deno.version.deno}`,
      platform: `${platform}-${Deno.build.arch}`,
      compiled: Deno.build.standalone,
      protocols: ["unified-v2", "unified-v2-fs/2"],
    };
    await printResult(this, {
      value,
      table: [`zss ${value.version}  (${value.runtime}, ${value.platform}${value.compiled ? ", compiled" : ""})`],
      names: [value.version],
    });
  },
});
