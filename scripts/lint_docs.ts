/**
 * Writes docs/lint_rules.md and docs/manifest.md from what they describe.
 *
 * The example of a rule is a case of testdata/lint; what is printed below it is
 * what the linter says about it now. `deno task generate` writes the documents,
 * and tests/generated_test.ts holds them equal, so neither can tell a tale.
 *
 * @module
 */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { render as renderText } from "../cli/render/lint/text.ts";
import { platform } from "../drivers/process/mod.ts";
import {
  allRules,
  createMachineProbe,
  explainField,
  lintFiles,
  rootMembers,
  type RuleInfo,
} from "../runtime/manifest/mod.ts";

const CASES = fileURLToPath(new URL("../testdata/lint/err/", import.meta.url));
/** Where relative paths of the cases that ask the machine begin. */
const MACHINE_FOLDER = fileURLToPath(new URL("../testdata/lint/", import.meta.url));
const PLAIN = { dim: same, bold: same, green: same, yellow: same, red: same };

function same(text: string): string {
  return text;
}

/** Text of docs/lint_rules.md. */
export async function lintRulesDocument(): Promise<string> {
  const sections: string[] = [];
  for (const rule of allRules) sections.push(await section(rule));
  const rows = allRules.map(({ id, severity, fixable }) =>
    `| [${id}](#${id}) | ${severity} | ${fixable ? "yes" : ""} |`
  );
  return `# Rules of the linter

\`zss manifest lint\` finds these. An error keeps a manifest from being loaded; a warning or a hint (severity \`info\`) does
not. \`--disable RULE\` leaves one out, \`--only RULE\` runs one alone, \`--fix\` mends what can be mended safely.

Lines and columns count from 1, columns in UTF-16 units; a tab counts one, a byte-order mark none. Every example is run by a
test.

| Rule | Severity | Mended by --fix |
| --- | --- | --- |
${rows.join("\n")}

${sections.join("\n")}`;
}

async function section({ id, severity, reason, fixable = false }: RuleInfo): Promise<string> {
  const name = readdirSync(CASES).find((file) => file.startsWith(`${id}-`) && !file.endsWith(".out"));
  if (name === undefined) throw new Error(`No case in testdata/lint/err is about "${id}"`);
  const files = name.endsWith(".d") ? readdirSync(join(CASES, name)).map((file) => join(name, file)) : [name];
  const texts = files.map((file) => readFileSync(join(CASES, file), "utf8").replace(/^\ufeff/, ""));
  const inputs = files.map((file, index) => {
    const text = texts[index] ?? "";
    if (text.length > 2000 || text.trim() === "") return `\`${shownName(file)}\`: ${text.length} characters`;
    const language = file.endsWith(".jsonc") ? "jsonc" : "json";
    return `\`${shownName(file)}\`\n\n\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
  });
  const output = await lintOutput(name, id);
  return `## ${id}

**${severity}**${fixable ? ", mended by `--fix`" : ""}: ${reason}

${inputs.join("\n\n")}

\`\`\`text
${output.trimEnd()}
\`\`\`
`;
}

/** What the linter says about a case, from a folder where its files have short names. */
async function lintOutput(name: string, rule: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "zss-docs-"));
  try {
    const isSet = name.endsWith(".d");
    const from = isSet ? join(CASES, name) : CASES;
    mkdirSync(join(folder, "files"));
    const files = (isSet ? readdirSync(from) : [name]).map((file) => {
      const target = join(folder, isSet ? file : shownName(file));
      writeFileSync(target, readFileSync(join(from, file)));
      return target;
    });
    const { findings, texts } = await lintFiles({
      paths: files,
      nodeId: "node-0",
      isOn: (id) => id === rule || id === "unreadable",
      ...(name.includes(".machine.")
        ? { probe: () => Promise.resolve(createMachineProbe({ cwd: MACHINE_FOLDER, env: { PATH: "/usr/bin:/bin" } })) }
        : {}),
    });
    const bounded = renderText({ files, disabled: 0, fixed: 0, findings, texts, rules: [], version: "" }, PLAIN);
    return bounded.replaceAll(`${folder}/`, "").replaceAll(CASES, "").replaceAll(MACHINE_FOLDER, "")
      .replaceAll(`${platform} ${Deno.build.arch}`, "linux x86_64");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function shownName(file: string): string {
  const name = basename(file);
  return file.includes("/") ? name : `camera${/\.jsonc?$/.exec(name)?.[0] ?? ""}`;
}

/** Text of docs/manifest.md. */
export function manifestDocument(): string {
  const below = ["runtime", "runtime.supervision", "mounts", "ops", "ops.paths", "permissions", "schema"];
  return `# Manifests

A manifest says what a service is and what does its work. It is one JSON object in a \`.json\` file, which is strict JSON, or in
a \`.jsonc\` file, which may have comments and trailing commas; at most 256 KiB of UTF-8. \`zss node run\` loads those that
\`--service-manifest\` names and those in each \`--services-dir\`, sorted by name; it names every bad file and loads the good
ones. Where a file says \`"enabled": false\` nothing else of it is looked at.

\`zss manifest init\` writes one to start from, \`zss manifest lint\` checks them ([rules](lint_rules.md)),
\`zss manifest explain runtime.env\` says what a member is for, and editors take \`schemas/manifest.v1.json\`. In \`endpoints\`
and in \`mount_path\` each \`{node_id}\` is replaced by the id of the node; nowhere else.

## The manifest

${fieldTable(rootMembers())}
${
    below.map((parent) =>
      `## ${parent}\n\n${fieldTable(explainField(parent)?.members.map((name) => `${parent}.${name}`) ?? [])}`
    )
      .join("\n")
  }`;
}

function fieldTable(fields: readonly string[]): string {
  const rows = fields.map((field) => {
    const explained = explainField(field);
    if (explained === undefined) throw new Error(`Nothing is known of "${field}"`);
    const { description, type, required, limits, runtimes } = explained;
    const fallback = explained.default === undefined ? "" : `\`${JSON.stringify(explained.default)}\``;
    const owners = field.split(".").length === 2 && runtimes !== undefined && runtimes.length < 4
      ? ` (${runtimes.join(", ")})`
      : "";
    const what = [type, ...limits.map((limit) => limit.replaceAll("|", "\\|"))].join("; ");
    return `| \`${field.split(".").at(-1)}\` | ${description}${owners} | ${what} | ${
      required ? "required" : fallback
    } |`;
  });
  return `| Member | Meaning | Value | Default |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
}
