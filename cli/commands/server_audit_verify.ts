import { buildCommand } from "@stricli/core";
import { listIn } from "../answer.ts";
import { isObject } from "../../control/protocol/envelope.ts";
import { errorText, ZssError } from "../../control/protocol/errors.ts";
import { sleep } from "../../drivers/process/clock.ts";
import { dataDirFlag, defaultDataDir } from "../data_dir.ts";
import { Exit } from "../exit.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { cleanText, printResult } from "../render/mod.ts";

/** `zss server audit verify` */
export const command = buildCommand<{ readonly dataDir?: string }, [], CliContext>({
  docs: helpPage(`Read the whole audit log of a server and say whether a line was altered, removed or
added. Changes nothing.

Where the log has to end is noted in the store, which a server that runs keeps to
itself. Then the server is asked for it, as an admin; without an answer the lines
are checked against each other only, which does not find lines missing at the end.

Examples:
  $ zss server audit verify
  $ zss server audit verify --data-dir /var/lib/zss --json
  $ zss server audit verify --data-dir /var/lib/zss --context lab

Exit status:
  0  whole    1  tampered with, or damaged    3  could not be read, or not to its end`),
  parameters: {
    flags: { dataDir: dataDirFlag },
  },
  async func({ dataDir }) {
    const folder = dataDir ?? defaultDataDir(this.io.env);
    const { file, lines, problems, unknownEnd } = await verify(this, folder);
    await printResult(this, {
      value: { file, lines, problems, end_checked: unknownEnd === undefined },
      table: problems.length > 0
        ? [`${file} is not what was written:`, ...problems.map((problem) => `  ${problem}`)]
        : unknownEnd === undefined
        ? [`${file} is whole: ${lines} entries`]
        : [`${file} holds ${lines} entries that follow each other; whether some are missing at its end is not known`],
      names: problems.map(cleanText),
    });
    if (unknownEnd !== undefined) {
      this.io.stderr.write(`note: a server uses the store, and did not say where the log ends: ${unknownEnd}\n`);
      this.io.stderr.write("  hint: name it and an admin's token (--url, --token-file, --context), or stop it\n");
    }
    if (problems.length > 0) this.setExitCode(Exit.problems);
    else if (unknownEnd !== undefined) this.setExitCode(Exit.failed);
  },
});

/** What was found. */
interface Verified {
  readonly file: string;
  readonly lines: number;
  readonly problems: readonly string[];
  /** Why the end could not be checked. */
  readonly unknownEnd?: string;
}

/** How often, and how long between, the log is read again for an entry that the server has not written yet. */
const LOOKS = 20;
const LOOK_MS = 100;

async function verify(context: CliContext, folder: string): Promise<Verified> {
  const { auditHeadOf, verifyAuditLog, verifyGrowingAuditLog } = await import("../../control/server/mod.ts");
  try {
    return await verifyAuditLog(folder, auditHeadOf(folder));
  } catch (error) {
    if (!(error instanceof ZssError) || !isObject(error.data) || error.data["in_use"] !== true) throw error;
  }
  let newest: { readonly id: number; readonly hash: string } | undefined;
  try {
    // Before the file is read: what the server adds afterwards comes behind it.
    newest = await newestOf(context);
  } catch (error) {
    if (!(error instanceof ZssError)) throw error;
    return { ...await verifyGrowingAuditLog(folder, undefined), unknownEnd: errorText(error) };
  }
  let report = await verifyGrowingAuditLog(folder, newest);
  for (let look = 1; report.isBehind && look < LOOKS; look++) {
    await sleep(context.io.clock, LOOK_MS);
    report = await verifyGrowingAuditLog(folder, newest);
  }
  return report;
}

async function newestOf(context: CliContext): Promise<{ readonly id: number; readonly hash: string } | undefined> {
  const answer = await withConnection(context, (connection) => connection.call("audit_tail", { limit: 1 }));
  const [entry] = listIn(answer, "audit");
  return entry === undefined ? undefined : { id: Number(entry["id"]), hash: String(entry["hash"]) };
}
