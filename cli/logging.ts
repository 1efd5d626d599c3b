/**
 * Where the log goes: to standard error, one line a record.
 *
 * @module
 */

import { configure, getTextFormatter } from "@logtape/logtape";
import type { CliContext } from "./io.ts";

/** Sends warnings and errors to standard error, and everything with `--verbose`. For commands that stay. */
export async function startLogging({ io, globals }: CliContext): Promise<void> {
  const format = getTextFormatter({ timestamp: "rfc3339", category: "." });
  await configure({
    reset: true,
    sinks: { stderr: (record) => io.stderr.write(format(record)) },
    loggers: [
      { category: ["zss"], lowestLevel: globals.verbose ? "debug" : "warning", sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
  });
}
