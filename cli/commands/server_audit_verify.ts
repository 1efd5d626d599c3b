import { buildCommand } from "@stricli/core";
import { dataDirFlag, defaultDataDir } from "../data_dir.ts";
import { Exit } from "../exit.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { printResult } from "../render/mod.ts";

/** `zss server audit verify` */
export const command = buildCommand<{ readonly dataDir?: string }, [], CliContext>({
  docs: helpPage(`Read the whole audit log of a server and say whether a line was altered, removed or
added. Changes nothing; the server must not run.

Examples:
  $ zss server audit verify
  $ zss server audit verify --data-dir /var/lib/zss --json

Exit status:
  0  whole    1  tampered with, or damaged    3  could not be read`),
  parameters: {
    flags: { dataDir: dataDirFlag },
  },
  async func({ dataDir }) {
    const folder = dataDir ?? defaultDataDir(this.io.env);
    const { auditHeadOf, verifyAuditLog } = await import("../../control/server/mod.ts");
    const report = await verifyAuditLog(folder, auditHeadOf(folder));
    await printResult(this, {
      value: report,
      table: report.problems.length === 0
        ? [`${report.file} is whole: ${report.lines} entries`]
        : [`${report.file} is not what was written:`, ...report.problems.map((problem) => `  ${problem}`)],
      names: report.problems,
    });
    if (report.problems.length > 0) this.setExitCode(Exit.problems);
  },
});
