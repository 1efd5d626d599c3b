/**
 * What `zss node run --check` prints.
 *
 * @module
 */

import { type CheckedNode, checkNode, type NodeParts } from "../../runtime/mod.ts";
import { diagnosticLines } from "../diagnostics.ts";
import { usageError } from "../errors.ts";
import { Exit } from "../exit.ts";
import type { CliContext } from "../io.ts";
import { paintFor } from "../paint.ts";
import type { NodeSettings } from "./settings.ts";

/** Checks and prints; the exit code says whether the node could run. */
export async function printCheck(
  context: CliContext,
  settings: NodeSettings,
  askServer: boolean,
  parts: Omit<NodeParts, "report" | "meters">,
  metrics: CheckedNode["metrics"],
): Promise<void> {
  const { io, globals } = context;
  const form = globals.output ?? "table";
  if (form !== "table" && form !== "json") {
    throw usageError(`Cannot print the check as "${form}"`, "the forms are table and json");
  }
  const node = settings.mode === "paired" ? { ...settings, askServer, metrics } : { ...settings, metrics };
  const { ok, checks, findings } = await checkNode(node, parts);
  if (form === "json") {
    const { mode, options } = settings;
    io.stdout.write(JSON.stringify({ ok, mode, node_name: options.nodeName, checks, findings }, null, 2) + "\n");
  } else {
    const paint = paintFor(io.stdout, io.env);
    io.stdout.write(diagnosticLines(findings, paint));
    for (const { check, ok, message, hint } of checks) {
      const mark = ok ? "ok   " : paint.red("wrong");
      io.stdout.write(
        `${mark}  ${check.padEnd(10)}  ${message}\n${hint === undefined ? "" : `       hint: ${hint}\n`}`,
      );
    }
  }
  context.setExitCode(ok ? Exit.ok : Exit.problems);
}
