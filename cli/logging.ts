/**
 * Where the log goes: to standard error, one line a record.
 *
 * @module
 */

import { configure, getJsonLinesFormatter, getTextFormatter } from "@logtape/logtape";
import type { CliContext } from "./io.ts";
import type { LogWishes } from "./log_flags.ts";

/**
 * Sends records to standard error: warnings and errors, more or less with `--log-level`, everything with `--verbose`.
 * For commands that stay. In the form `json` each line is an object with `@timestamp`, `level`, `message`, `logger` and
 * `properties`.
 */
export async function startLogging({ io, globals }: CliContext, wishes: LogWishes = {}): Promise<void> {
  const isJson = wishes.logFormat === "json";
  const format = isJson ? getJsonLinesFormatter() : getTextFormatter({ timestamp: "rfc3339", category: "." });
  const usual = isJson ? "info" : "warning";
  await configure({
    reset: true,
    sinks: { stderr: (record) => io.stderr.write(format(record)) },
    loggers: [
      {
        category: ["zss"],
        lowestLevel: wishes.logLevel ?? (globals.verbose ? "debug" : usual),
        sinks: ["stderr"],
      },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
  });
}
