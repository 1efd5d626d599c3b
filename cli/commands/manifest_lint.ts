import { buildCommand } from "@stricli/core";
import type { Diagnostic } from "../../control/protocol/diagnostic.ts";
import type { MachineProbe } from "../../runtime/manifest/mod.ts";
import { lintFiles, type LintOutcome } from "../../runtime/manifest/lint_files.ts";
import { usageError } from "../errors.ts";
import { Exit } from "../exit.ts";
import { nonEmpty, wholeNumber } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { paintFor } from "../paint.ts";
import { countOf, lintForms, lintRenderer, type LintReport, summaryLine } from "../render/lint/mod.ts";

interface Flags {
  readonly nodeId: string;
  readonly machine: boolean;
  readonly fix: boolean;
  readonly maxWarnings?: number;
  readonly disable: readonly string[];
  readonly only: readonly string[];
  readonly report: readonly string[];
  readonly stdinFilename: string;
  readonly quiet: boolean;
  readonly listRules: boolean;
}

const repeatable = (brief: string, placeholder: string) =>
  ({
    kind: "parsed",
    parse: nonEmpty,
    brief: `${brief}; repeatable`,
    placeholder,
    variadic: true,
    default: [],
  }) as const;
const flag = (brief: string) => ({ kind: "boolean", brief, default: false, withNegated: false }) as const;

/** `zss manifest lint` */
export const command = buildCommand<Flags, string[], CliContext>({
  docs: helpPage(`Check service manifests without starting a node.

With no path, checks every *.json and *.jsonc file in ./services.d. A folder
stands for the manifests directly inside it; "-" reads one from standard input;
"services.d/*.json" in quotes is expanded here.

Examples:
  $ zss manifest lint
  $ zss manifest lint services.d camera.json
  $ zss manifest lint --fix services.d
  $ zss manifest lint --machine /etc/zss/services.d
  $ make-manifest | zss manifest lint --stdin-filename camera.json -
  $ zss manifest lint -o github --report sarif=lint.sarif services.d

Forms (-o, --report): ${lintForms.join(", ")}; text without -o.

Exit status:
  0  no error, and not more warnings than allowed    1  problems found
  2  wrong usage                                     3  something could not be read

Rules: zss manifest lint --list-rules, zss manifest explain RULE`),
  parameters: {
    flags: {
      nodeId: {
        kind: "parsed",
        parse: nonEmpty,
        brief: "put this in place of {node_id}",
        default: "node-0",
        placeholder: "id",
      },
      machine: flag("ask this machine too: programs, libraries, modules, digests"),
      fix: flag("mend what can be mended safely, then check again"),
      maxWarnings: {
        kind: "parsed",
        parse: wholeNumber(0, 1_000_000),
        brief: "exit with 1 above this many warnings",
        optional: true,
        placeholder: "n",
      },
      disable: repeatable("leave out one rule", "rule"),
      only: repeatable("run this rule only", "rule"),
      report: repeatable("write a report to a file besides, as form=path", "form=path"),
      stdinFilename: {
        kind: "parsed",
        parse: nonEmpty,
        brief: "name of the manifest that is read from standard input",
        default: "-",
        placeholder: "name",
      },
      quiet: flag("say nothing of warnings and hints, and no summary"),
      listRules: flag("print each rule with its reason, then exit"),
    },
    positional: { kind: "array", parameter: { parse: nonEmpty, brief: "files and folders", placeholder: "paths" } },
  },
  async func(flags, ...paths) {
    if (flags.listRules) return await printRules(this);
    const { io } = this;
    const form = this.globals.output ?? "text";
    const render = form === "text" ? undefined : await lintRenderer(form);
    const reports = await Promise.all(flags.report.map(readReportFlag));
    const given = await expandPaths(paths);
    const request = {
      paths: given.filter((path) => path !== "-"),
      texts: given.includes("-") ? [{ file: flags.stdinFilename, bytes: await io.readStdin() }] : [],
      nodeId: flags.nodeId,
      isOn: await ruleFilter(flags),
      ...(flags.machine ? { probe: machineProbe(this) } : {}),
    };
    let outcome = await lintFiles(request);
    let fixed = 0;
    if (flags.fix && outcome.findings.some(({ fix }) => fix !== undefined)) {
      const { fixFiles } = await extras();
      ({ outcome, fixed } = await fixFiles(outcome, request, (mended) => void io.stdout.write(mended)));
    } else if (flags.fix && request.texts.length > 0 && !outcome.findings.some(({ rule }) => rule === "unreadable")) {
      for (const { bytes } of request.texts) {
        io.stdout.write(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
      }
    }
    const isFilter = flags.fix && request.texts.length > 0;
    const report = await reportOf(outcome, fixed, flags.quiet, [form, ...reports.map((one) => one.form)]);
    // A filter gives the mended manifest to standard output; what it has to say goes beside it.
    const target = isFilter ? io.stderr : io.stdout;
    if (render !== undefined || report.findings.length > 0) {
      target.write((render ?? await lintRenderer(form))(report, paintFor(target, io.env)));
    }
    for (const { form, path } of reports) {
      await (await extras()).writeReport(path, (await lintRenderer(form))(report, paintFor(NO_PAINT, {})));
    }
    if (form === "text" && !flags.quiet) io.stderr.write(summaryLine(report));
    this.setExitCode(exitCodeFor(outcome.findings, flags.maxWarnings));
  },
});

const NO_PAINT = { isTerminal: false };

function exitCodeFor(findings: readonly Diagnostic[], maxWarnings: number | undefined): number {
  if (findings.some(({ rule }) => rule === "unreadable")) return Exit.failed;
  const { error, warning } = countOf(findings);
  return error > 0 || warning > (maxWarnings ?? Infinity) ? Exit.problems : Exit.ok;
}

async function reportOf(
  outcome: LintOutcome,
  fixed: number,
  quiet: boolean,
  forms: readonly string[],
): Promise<LintReport> {
  const findings = quiet ? outcome.findings.filter(({ severity }) => severity === "error") : outcome.findings;
  // Only SARIF speaks of rules and of the version.
  const { allRules, VERSION } = forms.includes("sarif") ? await extras() : { allRules: [], VERSION: "" };
  return { ...outcome, findings, fixed, rules: allRules, version: VERSION };
}

/** The usual folder without a path; patterns are expanded. */
async function expandPaths(paths: readonly string[]): Promise<readonly string[]> {
  if (paths.length === 0) return ["services.d"];
  return paths.some((path) => /[*?[{]/.test(path)) ? (await extras()).expandPatterns(paths) : paths;
}

/** Without these nothing else was looked at. */
const BASIC_RULES: ReadonlySet<string> = new Set(["unreadable", "syntax"]);

async function ruleFilter({ disable, only }: Flags): Promise<(rule: string) => boolean> {
  if (disable.length + only.length === 0) return () => true;
  const { allRules } = await extras();
  const known = new Set(allRules.map(({ id }) => id));
  const unknown = [...disable, ...only].find((id) => !known.has(id));
  if (unknown !== undefined) {
    throw usageError(`Cannot choose rule "${unknown}": no such rule`, "zss manifest lint --list-rules shows the rules");
  }
  const basic = disable.find((rule) => BASIC_RULES.has(rule));
  if (basic !== undefined) {
    throw usageError(`Cannot leave out rule "${basic}": a file that cannot be read was not checked`);
  }
  const chosen = new Set(only);
  const left = new Set(disable);
  return (rule) => BASIC_RULES.has(rule) || (!left.has(rule) && (chosen.size === 0 || chosen.has(rule)));
}

/** Looks at the machine as a node would that is started here. */
function machineProbe({ io }: CliContext): () => Promise<MachineProbe> {
  return async () => {
    const { createMachineProbe } = await extras();
    return createMachineProbe({ cwd: Deno.cwd(), env: io.env });
  };
}

async function readReportFlag(text: string): Promise<{ readonly form: string; readonly path: string }> {
  const [form = "", ...rest] = text.split("=");
  const path = rest.join("=");
  if (path === "") {
    throw usageError(`Cannot read --report "${text}": form=path is wanted`, "for example sarif=lint.sarif");
  }
  await lintRenderer(form);
  return { form, path };
}

async function extras(): Promise<typeof import("../lint_extras.ts")> {
  return await import(new URL("../lint_extras.ts", import.meta.url).href);
}

async function printRules({ io, globals }: CliContext): Promise<void> {
  const { allRules } = await extras();
  if (globals.output === "json") {
    const rules = allRules.map(({ id, severity, reason, fixable = false }) => ({ id, severity, fixable, reason }));
    io.stdout.write(JSON.stringify({ rules }, null, 2) + "\n");
    return;
  }
  if (globals.output === "name") {
    io.stdout.write(allRules.map(({ id }) => `${id}\n`).join(""));
    return;
  }
  const paint = paintFor(io.stdout, io.env);
  for (const { id, severity, reason, fixable } of allRules) {
    io.stdout.write(
      `${paint.bold(id)}  ${paint.dim(severity + (fixable ? ", --fix" : ""))}\n  ${reason.replaceAll("`", "")}\n`,
    );
  }
}
