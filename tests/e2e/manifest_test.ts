/**
 * `zss manifest` as a user, a CI job and an editor call it.
 *
 * @module
 */

import { Ajv2020 } from "ajv/dist/2020.js";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import sarifSchema from "@microsoft/sarif-multitool-linux/sarif-2.1.0.json" with { type: "json" };
import { type Finished, zss } from "./program.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A folder with files, and the program run in it. */
class Desk implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(files: Readonly<Record<string, string | Uint8Array>> = {}): Promise<Desk> {
    const desk = new Desk(await mkdtemp(join(tmpdir(), "zss-desk-")));
    for (const [name, content] of Object.entries(files)) await desk.write(name, content);
    return desk;
  }

  async write(name: string, content: string | Uint8Array): Promise<void> {
    await mkdir(join(this.folder, name, ".."), { recursive: true });
    await writeFile(join(this.folder, name), content);
  }

  read(name: string): Promise<string> {
    return readFile(join(this.folder, name), "utf8");
  }

  run(...args: string[]): Promise<Finished> {
    return zss(["manifest", ...args], { cwd: this.folder });
  }

  feed(stdin: string, ...args: string[]): Promise<Finished> {
    return zss(["manifest", ...args], { cwd: this.folder, stdin });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** What is looked at in a SARIF log. */
interface SarifRun {
  readonly columnKind: string;
  readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
  readonly results: readonly { readonly ruleId: string; readonly ruleIndex: number; readonly fixes?: unknown }[];
}

const GOOD = '{ "service_id": "camera", "kind": "camera" }\n';
const BAD = '{\n  "service_id": "front camera",\n  "kind": "camera",\n  "colour": "red"\n}\n';

Deno.test("zss manifest lint without a path checks ./services.d", async () => {
  await using desk = await Desk.open({ "services.d/a.json": GOOD, "services.d/b.jsonc": BAD });
  const { code, stdout, stderr } = await desk.run("lint");
  assert.equal(code, 1);
  assert.match(stdout, /^services\.d\/b\.jsonc:2:17: error: service_id /m);
  assert.equal(stderr, "2 manifests checked: 1 error, 1 warning\n");
});

Deno.test("zss manifest lint -o json, ndjson give every finding with its place", async () => {
  await using desk = await Desk.open({ "bad.json": BAD });
  const json = JSON.parse((await desk.run("lint", "-o", "json", "bad.json")).stdout);
  assert.deepEqual([json.checked, json.errors, json.warnings, json.findings.length], [1, 1, 1, 2]);
  assert.deepEqual(json.findings[0], {
    rule: "identifier",
    severity: "error",
    file: "bad.json",
    start: { line: 2, column: 17 },
    end: { line: 2, column: 31 },
    message: 'service_id may hold only letters, digits, dot, underscore and hyphen: current value is "front camera"',
    path: "/service_id",
  });
  const { stdout } = await desk.run("lint", "-o", "ndjson", "bad.json");
  assert.deepEqual(stdout.trimEnd().split("\n").map((line) => JSON.parse(line)), json.findings);
});

Deno.test("zss manifest lint -o github annotates ten of a kind and loses none", async () => {
  const many = Array.from({ length: 14 }, (_, index) => [`m${String(index).padStart(2, "0")}.json`, BAD]);
  await using desk = await Desk.open(Object.fromEntries(many));
  const { stdout } = await desk.run("lint", "-o", "github", "--only", "identifier", ".");
  const lines = stdout.trimEnd().split("\n");
  assert.equal(
    lines[0],
    "::error file=./m00.json,line=2,endLine=2,col=17,endColumn=30,title=identifier::service_id may hold only letters, " +
      'digits, dot, underscore and hyphen: current value is "front camera"',
  );
  assert.equal(lines.filter((line) => line.startsWith("::error ")).length, 10);
  assert.equal(lines.filter((line) => line.startsWith("./m") && line.endsWith("[identifier]")).length, 5);
  assert.ok(lines.includes("::error title=5 more of this kind::5 more of this kind stand in the log of this step"));
});

Deno.test("zss manifest lint -o sarif fits the schema of SARIF 2.1.0, also for the whole corpus", async () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const { $schema: _draft, ...schema } = sarifSchema;
  const { stdout } = await zss(["manifest", "lint", "-o", "sarif", "testdata/lint/err"], { cwd: ROOT });
  const log: { runs: [SarifRun] } = JSON.parse(stdout);
  const fits: boolean = ajv.validate(schema, log);
  assert.ok(fits, JSON.stringify(ajv.errors?.slice(0, 3)));
  const [run] = log.runs;
  assert.ok(run.results.length > 100);
  for (const result of run.results) assert.equal(run.tool.driver.rules[result.ruleIndex]?.id, result.ruleId);
  const fixes = run.results.filter((result) => result.fixes !== undefined);
  assert.ok(fixes.length >= 4);
  assert.equal(run.columnKind, "utf16CodeUnits");
});

Deno.test("zss manifest lint -o junit counts a file as a test and escapes what it shows", async () => {
  await using desk = await Desk.open({ "a&b.json": BAD, "good.json": GOOD });
  const { stdout } = await desk.run("lint", "-o", "junit", ".");
  assert.match(stdout, /<testsuites tests="2" failures="1" errors="0">/);
  assert.match(stdout, /<testcase classname="manifest" name="\.\/a&amp;b\.json"/);
  assert.match(stdout, /<failure type="identifier" message="service_id may hold .*&quot;front camera&quot;">/);
  assert.match(stdout, /name="\.\/good\.json" file="\.\/good\.json" time="0"\/>/);
});

Deno.test("zss manifest lint --report writes other forms beside the one that is printed", async () => {
  await using desk = await Desk.open({ "bad.json": BAD });
  const { code, stdout } = await desk.run(
    "lint",
    "--report",
    "sarif=out.sarif",
    "--report",
    "junit=out.xml",
    "bad.json",
  );
  assert.equal(code, 1);
  assert.match(stdout, /^bad\.json:2:17: error:/);
  assert.equal(JSON.parse(await desk.read("out.sarif")).version, "2.1.0");
  assert.match(await desk.read("out.xml"), /^<\?xml/);
  const lost = await desk.run("lint", "--report", "sarif=no/such/folder.sarif", "bad.json");
  assert.equal(lost.code, 3);
  assert.match(lost.stderr, /Cannot write the report "no\/such\/folder\.sarif"/);
});

Deno.test("zss manifest lint counts warnings against --max-warnings, and leaves rules out", async () => {
  await using desk = await Desk.open({ "warn.json": '{"service_id":"a","kind":"a","colour":1,"size":2}' });
  assert.equal((await desk.run("lint", "warn.json")).code, 0);
  assert.equal((await desk.run("lint", "--max-warnings", "2", "warn.json")).code, 0);
  assert.equal((await desk.run("lint", "--max-warnings", "1", "warn.json")).code, 1);
  assert.equal((await desk.run("lint", "--max-warnings", "0", "--disable", "unknown-key", "warn.json")).code, 0);
  const quiet = await desk.run("lint", "--quiet", "--max-warnings", "0", "warn.json");
  assert.deepEqual([quiet.code, quiet.stdout, quiet.stderr], [1, "", ""]);
});

Deno.test("zss manifest lint refuses a form, a rule and a report that it does not know", async () => {
  await using desk = await Desk.open({ "good.json": GOOD });
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["-o", "xml"], /Cannot report as "xml": no such form\n {2}hint: use one of text, json,/],
    [["--disable", "colours"], /Cannot choose rule "colours": no such rule/],
    [["--only", "colours"], /Cannot choose rule "colours": no such rule/],
    [["--disable", "unreadable"], /Cannot leave out rule "unreadable"/],
    [["--report", "sarif"], /Cannot read --report "sarif": form=path is wanted/],
    [["--report", "xml=a"], /Cannot report as "xml"/],
    [["--max-warnings", "many"], /max-warnings/],
  ];
  for (const [args, says] of cases) {
    const { code, stderr } = await desk.run("lint", ...args, "good.json");
    assert.equal(code, 2, stderr);
    assert.match(stderr, says);
  }
});

Deno.test("zss manifest lint reads standard input under the name that it is given", async () => {
  await using desk = await Desk.open();
  const { code, stdout } = await desk.feed(BAD, "lint", "--stdin-filename", "camera.json", "-");
  assert.equal(code, 1);
  assert.match(stdout, /^camera\.json:2:17: error/);
  const lenient = await desk.feed(`${GOOD}// end\n`, "lint", "--stdin-filename", "camera.jsonc", "-");
  assert.equal(lenient.code, 0);
});

Deno.test("zss manifest lint --fix mends what is safe, keeps comments and layout, and finds nothing more to fix", async () => {
  const strict = '\ufeff{\n\t"service_id": "a",   "kind": "a",\n\t"endpoints": ["/nodes/{node_id}//a",],\n}\n';
  const lenient = '\ufeff{ // mine\n  "service_id": "b", "kind": "b", /* x */\n}\n';
  await using desk = await Desk.open({ "a.json": strict, "b.jsonc": lenient });
  await chmod(join(desk.folder, "a.json"), 0o640);
  const first = await desk.run("lint", "--fix", ".");
  assert.equal(first.code, 0, first.stdout);
  assert.match(first.stderr, /2 manifests checked, 5 fixed: no problems/);
  assert.equal(
    await desk.read("a.json"),
    '{\n\t"service_id": "a",   "kind": "a",\n\t"endpoints": ["/nodes/{node_id}/a"]\n}\n',
  );
  assert.equal(await desk.read("b.jsonc"), lenient.slice(1));
  assert.equal((await stat(join(desk.folder, "a.json"))).mode & 0o777, 0o640);
  const second = await desk.run("lint", "--fix", ".");
  assert.match(second.stderr, /2 manifests checked: no problems/);
});

Deno.test("zss manifest lint --fix - is a filter", async () => {
  await using desk = await Desk.open();
  const mended = await desk.feed(
    '\ufeff{"service_id":"a","kind":"a",}',
    "lint",
    "--fix",
    "--stdin-filename",
    "a.json",
    "-",
  );
  assert.deepEqual([mended.code, mended.stdout], [0, '{"service_id":"a","kind":"a"}']);
  const clean = await desk.feed(GOOD, "lint", "--fix", "-");
  assert.deepEqual([clean.code, clean.stdout], [0, GOOD]);
});

Deno.test("zss manifest lint expands patterns, and says so when nothing fits", async () => {
  await using desk = await Desk.open({ "x/a.json": GOOD, "y/b.json": BAD });
  const { stdout, stderr } = await desk.run("lint", "*/*.json");
  assert.match(stdout, /^y\/b\.json:2:17/);
  assert.match(stderr, /^2 manifests/);
  const none = await desk.run("lint", "z/*.json");
  assert.equal(none.code, 3);
  assert.match(none.stdout, /^z\/\*\.json:1:1: error: cannot be read: it is not there/);
});

Deno.test("zss manifest lint checks the rest beside what cannot be read", async () => {
  await using desk = await Desk.open({
    "services.d/bad.json": BAD,
    "services.d/deep.json": `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    "services.d/latin.json": new Uint8Array([0x7b, 0x22, 0xe9, 0x22, 0x7d]),
  });
  const at = (name: string) => join(desk.folder, "services.d", name);
  await writeFile(at("huge.json"), "{");
  await truncate(at("huge.json"), 268_435_456);
  await symlink("loop.json", at("loop.json"));
  await symlink("nowhere", at("lost.json"));
  await symlink("..", at("up.json"));
  assert.equal(spawnSync("mkfifo", [at("pipe.json")]).status, 0);
  const { code, stdout, stderr } = await desk.run(
    "lint",
    "services.d",
    "absent.json",
    "services.d/bad.json/below.json",
  );
  assert.equal(code, 3);
  assert.match(stdout, /bad\.json:2:17: error/);
  assert.match(stdout, /deep\.json:1:65: error: not readable: nested deeper than 64 levels/);
  assert.match(stdout, /huge\.json:1:1: error: cannot be read: it has more than 262144 bytes/);
  assert.match(stdout, /latin\.json:1:1: error: cannot be read: it is not UTF-8 text/);
  assert.match(stdout, /loop\.json:1:1: error: cannot be read: its links lead in a circle/);
  assert.match(stdout, /lost\.json:1:1: error: cannot be read: it is not there/);
  assert.match(stdout, /pipe\.json:1:1: error: cannot be read: it is no file/);
  assert.match(stdout, /absent\.json:1:1: error: cannot be read: it is not there/);
  assert.match(stdout, /below\.json:1:1: error: cannot be read: a part of its path is no folder/);
  assert.doesNotMatch(stdout, /up\.json/);
  assert.match(stderr, /^9 manifests checked: 9 errors, 1 warning/);
});

Deno.test({
  name: "zss manifest lint says that a file may not be read",
  ignore: process.getuid?.() === 0, // Root may read everything.
}, async () => {
  await using desk = await Desk.open({ "a.json": GOOD });
  await chmod(join(desk.folder, "a.json"), 0);
  assert.match((await desk.run("lint", "a.json")).stdout, /cannot be read: it may not be read/);
});

Deno.test("zss manifest lint shows control characters of a file as dots, and no secret", async () => {
  await using desk = await Desk.open({
    "a.json": '{ "service_id": "\u001b[31m", "kind": "a" }',
    "b.json": '{ "service_id": "b", "kind": "b", "help_md": "ghp_0123456789012345678901234567890123456789" }',
  });
  const { stdout } = await desk.run("lint", ".");
  assert.ok(!stdout.includes("\u001b"));
  assert.match(stdout, /a GitHub token/);
  assert.ok(!stdout.includes("ghp_0123"));
});

Deno.test("zss manifest lint --machine asks for the library in a process of its own", {
  ignore: spawnSync("gcc", ["--version"]).status !== 0,
}, async () => {
  await using desk = await Desk.open({
    "good.c": "int spiderweb_driver_v1_invoke_json(void) { return 0; }",
    "other.c": "int something_else(void) { return 0; }",
    "crash.c": "#include <stdlib.h>\n__attribute__((constructor)) static void begin(void) { abort(); }",
  });
  for (const name of ["good", "other", "crash"]) {
    const built = spawnSync("gcc", ["-shared", "-fPIC", "-o", `${name}.so`, `${name}.c`], { cwd: desk.folder });
    assert.equal(built.status, 0, String(built.stderr));
    const runtime = { type: "native_inproc", library_path: `./${name}.so` };
    await desk.write(`${name}.json`, JSON.stringify({ service_id: name, kind: "x", runtime }));
  }
  assert.equal((await desk.run("lint", "--machine", "good.json")).code, 0);
  assert.match(
    (await desk.run("lint", "--machine", "other.json")).stdout,
    /does not export the function "spiderweb_driver_v1_invoke_json"/,
  );
  assert.match(
    (await desk.run("lint", "--machine", "crash.json")).stdout,
    /cannot be loaded: it ended the process that loaded it by SIGABRT/,
  );
});

Deno.test("zss manifest fmt lays out, --check only says so, and what is no JSON stays", async () => {
  await using desk = await Desk.open({
    "services.d/a.json": '{\n"service_id":"a",\n"kind":"a","endpoints":["/nodes/{node_id}/a"],"capabilities":{}\n}',
    "services.d/b.jsonc": "{ // b\n}",
    "services.d/c.json": "{",
  });
  const check = await desk.run("fmt", "--check");
  assert.equal(check.code, 3);
  assert.equal(check.stdout, "services.d/a.json\nservices.d/b.jsonc\n");
  assert.match(check.stderr, /Cannot lay out "services\.d\/c\.json": it is no JSON/);
  assert.equal((await desk.run("fmt", "services.d/a.json", "services.d/b.jsonc")).code, 0);
  assert.equal(
    await desk.read("services.d/a.json"),
    '{\n  "service_id": "a",\n  "kind": "a", "endpoints": ["/nodes/{node_id}/a"], "capabilities": {}\n}\n',
  );
  assert.equal(await desk.read("services.d/b.jsonc"), "{ // b\n}\n");
  assert.equal(await desk.read("services.d/c.json"), "{");
  assert.equal((await desk.run("fmt", "--check", "services.d/a.json")).code, 0);
  assert.equal((await desk.feed('{"a":1}', "fmt", "-")).stdout, '{ "a": 1 }\n');
});

Deno.test("zss manifest init writes a manifest without findings for each type, and replaces none", async () => {
  await using desk = await Desk.open();
  for (const type of ["native_proc", "native_inproc", "wasm", "builtin"]) {
    const file = `${type}.json`;
    assert.equal((await desk.run("init", "--type", type, file)).code, 0);
    const lint = await desk.run("lint", "--max-warnings", "0", "-o", "json", file);
    assert.deepEqual([lint.code, JSON.parse(lint.stdout).findings], [0, []]);
    assert.equal((await desk.run("fmt", "--check", file)).code, 0);
  }
  const again = await desk.run("init", "wasm.json");
  assert.equal(again.code, 3);
  assert.match(again.stderr, /Cannot write "wasm\.json": it is there already/);
  assert.equal((await desk.run("init", "--type", "docker")).code, 2);
});

Deno.test("zss manifest explain knows members and rules, and what was probably meant", async () => {
  await using desk = await Desk.open();
  assert.match((await desk.run("explain", "runtime.timeout_ms")).stdout, /default: 30000/);
  assert.match((await desk.run("explain", "mounts[0].mount_path")).stdout, /required/);
  assert.match((await desk.run("explain", "mount-overlap")).stdout, /^mount-overlap: error/);
  const lost = await desk.run("explain", "runtime.timeout");
  assert.equal(lost.code, 2);
  assert.match(lost.stderr, /did you mean runtime\.timeout_ms\?/);
});

Deno.test("zss manifest schema prints the schema of the project", async () => {
  const { stdout } = await zss(["manifest", "schema"]);
  assert.equal(stdout, await readFile(join(ROOT, "schemas/manifest.v1.json"), "utf8"));
});

Deno.test("zss manifest lint checks a manifest from standard input beside those of a folder, in place of the file of its name", async () => {
  await using desk = await Desk.open({
    "services.d/a.json": GOOD,
    "services.d/b.json": GOOD.replace('"camera"', '"b"'),
  });
  const fs = await desk.feed('{"service_id":"fs","kind":"fs"}', "lint", "-");
  assert.deepEqual([fs.code, /service_id "fs" is taken/.test(fs.stdout)], [1, true]);
  const same = await desk.feed(GOOD, "lint", "--stdin-filename", "services.d/a.json", "services.d", "-");
  assert.equal(same.code, 0, same.stdout);
  const other = await desk.feed(GOOD, "lint", "--stdin-filename", "services.d/c.json", "./services.d", "-");
  assert.match(other.stdout, /^services\.d\/c\.json:1:17: error: service_id "camera" is taken/);
  assert.equal((await desk.run("lint", "services.d/a.json", "./services.d/a.json")).code, 0);
});

Deno.test("zss manifest lint is not made green by leaving rules out", async () => {
  await using desk = await Desk.open({
    "bad.json": "{",
    "both.json": '{"service_id":"a","kind":"a","endpoints":["/other/../x"]}',
    "empty.d/notes.txt": "",
  });
  assert.equal((await desk.run("lint", "--disable", "syntax", "bad.json")).code, 2);
  assert.equal((await desk.run("lint", "--only", "secret", "bad.json")).code, 1);
  assert.equal((await desk.run("lint", "--disable", "path-clean", "both.json")).code, 1);
  assert.equal((await desk.run("lint", "empty.d")).code, 3);
});
