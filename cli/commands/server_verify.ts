import { buildCommand } from "@stricli/core";
import { dataDirFlag, defaultDataDir } from "../data_dir.ts";
import { Exit } from "../exit.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { cleanText, printResult } from "../render/mod.ts";

/** `zss server verify` */
export const command = buildCommand<{ readonly dataDir?: string }, [], CliContext>({
  docs: helpPage(`Read the whole store of a server and say what is wrong with it. Changes nothing;
the server must not run.

Examples:
  $ zss server verify
  $ zss server verify --data-dir /var/lib/zss --json

Exit status:
  0  sound    1  damaged    3  could not be read`),
  parameters: {
    flags: { dataDir: dataDirFlag },
  },
  async func({ dataDir }) {
    const folder = dataDir ?? defaultDataDir(this.io.env);
    const { verifyStore } = await import("../../control/server/mod.ts");
    const report = verifyStore(folder);
    const counts =
      `revision ${report.revision}, ${report.events} events, ${report.records} records, ${report.bytes} bytes`;
    await printResult(this, {
      value: report,
      table: report.problems.length === 0
        ? [`${report.file} is sound: ${counts}`]
        : [`${report.file} is damaged: ${counts}`, ...report.problems.map((problem) => `  ${problem}`)],
      names: report.problems.map(cleanText),
    });
    if (report.problems.length > 0) this.setExitCode(Exit.problems);
  },
});
