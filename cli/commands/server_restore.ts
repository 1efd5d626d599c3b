import { buildCommand } from "@stricli/core";
import { dataDirFlag, defaultDataDir } from "../data_dir.ts";
import { nonEmpty } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { printResult } from "../render/mod.ts";

/** `zss server restore` */
export const command = buildCommand<{ readonly dataDir?: string }, [string], CliContext>({
  docs: helpPage(`Put a backup in the place of a server's store. The server must not run. What was
there is kept beside it as zss.db.before-<time>.

The restored store begins a new epoch: those who watch are told, and take the
state anew instead of going on from a place that may never have been.

Examples:
  $ zss server restore /backups/zss-2026-11-21.db`),
  parameters: {
    flags: { dataDir: dataDirFlag },
    positional: {
      kind: "tuple",
      parameters: [{ parse: nonEmpty, brief: "backup to take", placeholder: "file" }],
    },
  },
  async func({ dataDir }, file) {
    const folder = dataDir ?? defaultDataDir(this.io.env);
    const { restoreStore } = await import("../../control/server/mod.ts");
    const epoch = crypto.randomUUID().replaceAll("-", "").slice(0, 16);
    const report = restoreStore(folder, file, epoch, this.io.clock.now());
    await printResult(this, {
      value: report,
      table: [`${report.file} restored: revision ${report.revision}, new epoch ${report.epoch}`],
      names: [report.file],
    });
  },
});
