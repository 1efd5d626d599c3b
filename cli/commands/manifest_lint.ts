import { buildCommand } from "@stricli/core";
import type { Diagnostic } from "../../control/protocol/diagnostic.ts";
import { diagnosticLines } from "../diagnostics.ts";
import { usageError } from "../errors.ts";
import { Exit } from "../exit.ts";
import { nonEmpty } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { paintFor } from "../paint.ts";

/** `zss manifest lint` */
export const command = buildCommand<{ readonly nodeId: string }, string[], CliContext>({
  docs: helpPage(`Check service manifests without starting a node.

With no path, checks every *.json and *.jsonc file in ./services.d. A folder
stands for the manifests directly inside it.

Examples:
  $ zss manifest lint
  $ zss manifest lint services.d camera.json
  $ zss manifest lint --json services.d

Exit status:
  0  no problems    1  problems found    2  wrong usage    3  could not read`),
  parameters: {
    flags: {
      nodeId: {
        kind: "parsed",
        parse: nonEmpty,
        brief: "put this in place of {node_id}",
        default: "node-0",
        placeholder: "id",
      },
    },
    positional: {
      kind: "array",
      parameter: { parse: nonEmpty, brief: "files and folders", placeholder: "paths" },
    },
  },
  async func(flags, ...paths) {
    const { io, globals } = this;
    const form = globals.output ?? "text";
    if (form !== "text" && form !== "json") throw usageError(`Cannot print as "${form}"`, "use text or json");
    const { loadManifests } = await import("../../runtime/manifest/mod.ts");
    const { stat } = await import("node:fs/promises");
    const given = paths.length > 0 ? paths : ["services.d"];
    const isFolder = await Promise.all(
      given.map((path) => stat(path).then((found) => found.isDirectory(), () => false)),
    );
    const { services, disabled, findings } = await loadManifests({
      files: given.filter((_, index) => !isFolder[index]),
      dirs: given.filter((_, index) => isFolder[index]),
      nodeId: flags.nodeId,
      reserved: new Map([["fs", "the built-in fs service"]]),
    });
    const checked = services.length + disabled.length + new Set(findings.map((finding) => finding.file)).size;
    if (form === "json") io.stdout.write(JSON.stringify({ checked, findings }, null, 2) + "\n");
    else {
      io.stdout.write(diagnosticLines(findings, paintFor(io.stdout, io.env)));
      io.stderr.write(summary(checked, findings, disabled.length));
    }
    if (findings.some((finding) => finding.rule === "unreadable")) this.setExitCode(Exit.failed);
    else if (findings.some((finding) => finding.severity === "error")) this.setExitCode(Exit.problems);
  },
});

function summary(checked: number, findings: readonly Diagnostic[], disabled: number): string {
  const off = disabled > 0 ? `, ${disabled} disabled` : "";
  const problems = findings.length === 0
    ? "no problems"
    : findings.length === 1
    ? "1 problem"
    : `${findings.length} problems`;
  return `${checked} manifest${checked === 1 ? "" : "s"} checked${off}: ${problems}\n`;
}
