import { buildCommand } from "@stricli/core";
import { dataDirFlag, defaultDataDir } from "../data_dir.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { printResult } from "../render/mod.ts";

/** `zss server compact` */
export const command = buildCommand<{ readonly dataDir?: string }, [], CliContext>({
  docs: helpPage(`Give the space that a store no longer uses back to the system. The server must not
run.

Examples:
  $ zss server compact`),
  parameters: {
    flags: { dataDir: dataDirFlag },
  },
  async func({ dataDir }) {
    const folder = dataDir ?? defaultDataDir(this.io.env);
    const { compactStore } = await import("../../control/server/mod.ts");
    const { before, after } = compactStore(folder);
    await printResult(this, {
      value: { before, after },
      table: [`${before} bytes before, ${after} after`],
      names: [String(after)],
    });
  },
});
