import { buildCommand } from "@stricli/core";
import { dataDirFlag, defaultDataDir } from "../data_dir.ts";
import { nonEmpty } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { printResult } from "../render/mod.ts";

/** `zss server backup` */
export const command = buildCommand<{ readonly dataDir?: string }, [string], CliContext>({
  docs: helpPage(`Copy the store of a server into one file. The server must not run; the file must
not be there yet.

Examples:
  $ zss server backup /backups/zss-2026-11-21.db`),
  parameters: {
    flags: { dataDir: dataDirFlag },
    positional: {
      kind: "tuple",
      parameters: [{ parse: nonEmpty, brief: "file to write; it must not be there", placeholder: "file" }],
    },
  },
  async func({ dataDir }, file) {
    const folder = dataDir ?? defaultDataDir(this.io.env);
    const { backupStore } = await import("../../control/server/mod.ts");
    const report = backupStore(folder, file);
    await printResult(this, {
      value: report,
      table: [`${report.file} written: revision ${report.revision}, ${report.bytes} bytes`],
      names: [report.file],
    });
  },
});
