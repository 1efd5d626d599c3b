import assert from "node:assert/strict";
import { ManualClock } from "../drivers/process/mod.ts";
import { runCli } from "./app.ts";
import type { CliIo } from "./io.ts";

/** Runs the command line in this process. */
async function cli(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  let stdout = "";
  let stderr = "";
  const io: CliIo = {
    stdout: { write: (text) => void (stdout += text), isTerminal: false },
    stderr: { write: (text) => void (stderr += text), isTerminal: false },
    env: {},
    interrupted: new AbortController().signal,
    clock: new ManualClock(),
    readStdin: () => Promise.resolve(new TextEncoder().encode("{}")),
  };
  const code = await runCli(argv, io);
  return { code, stdout, stderr };
}

/** Names below COMMANDS of a help page. */
function commandsOf(help: string): string[] {
  const [, list = ""] = help.split("\nCOMMANDS\n");
  return [...list.matchAll(/^ {2}([a-z][a-z-]*) /gm)].map(([, name = ""]) => name);
}

async function helpPages(path: readonly string[] = []): Promise<(readonly [string, string])[]> {
  const { code, stdout } = await cli(...path, "--help");
  assert.equal(code, 0);
  const below = await Promise.all(commandsOf(stdout).map((name) => helpPages([...path, name])));
  return [[["zss", ...path].join(" "), stdout] as const, ...below.flat()];
}

Deno.test("zss --help at every level says what it is for, with options and an example", async () => {
  const pages = await helpPages();
  const names = pages.map(([name]) => name);
  for (
    const wanted of ["zss", "zss node", "zss node run", "zss node watch", "zss manifest lint", "zss driver", "zss demo"]
  ) {
    assert.ok(names.includes(wanted), wanted);
  }
  for (const [name, help] of pages) {
    assert.match(help, /USAGE/, name);
    assert.match(help, /\$ zss|\$ echo/, `${name} has no example`);
    assert.match(help, /FLAGS/, name);
  }
});

Deno.test("zss --help shows the default of every option that has one", async () => {
  const { stdout } = await cli("server", "--help");
  assert.match(stdout, /--port.*18790/);
  assert.match(stdout, /--bind.*127\.0\.0\.1/);
});

Deno.test("zss version prints the same version in every form", async () => {
  const { version } = JSON.parse((await cli("version", "--json")).stdout);
  assert.equal((await cli("version", "-o", "name")).stdout, `${version}\n`);
  assert.match((await cli("version")).stdout, new RegExp(`^zss ${version} `));
  assert.match((await cli("version", "-o=yaml")).stdout, new RegExp(`^version: ${version}$`, "m"));
});

Deno.test("zss prints an error as JSON on standard error when JSON was asked for", async () => {
  const { code, stdout, stderr } = await cli("driver", "camera", "--json");
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.equal(JSON.parse(stderr).error.code, "usage");
});

Deno.test("zss prints what is wrong with a command line as one JSON object wherever JSON was asked for", async () => {
  for (
    const [line, says] of [
      ["node list --bogus --worse -o json", "Cannot run zss node list: there is no option --bogus"],
      ["--json node info", "Cannot run zss node info: <node> is missing"],
      ["node list a --output=json", 'Cannot run zss node list: it takes no argument, "a" found'],
      ["node watch --replay-limit x -o json", '"x" is no replay-limit: a whole number from 0 to 10000 is wanted'],
      ["node run --pair-mode x -o=json", '"x" is no pair-mode: one of invite, request is wanted'],
      ["nope --json", 'Cannot run "zss nope": no such command'],
      ["node nope --json", 'Cannot run "zss node nope": no such command'],
      ["server tokn --json", 'Cannot run "zss server tokn": no such command'],
      ["node list --json --url", "Cannot read --url: it needs a value"],
      ["node list --url --json", "Cannot read --url: it needs a value, --json found"],
    ] as const
  ) {
    const { code, stdout, stderr } = await cli(...line.split(" "));
    assert.deepEqual([line, code, stdout], [line, 2, ""]);
    const { error } = JSON.parse(stderr);
    assert.equal(error.code, "usage");
    assert.ok(error.message.includes(says), `${line}: ${error.message}`);
  }
  assert.match((await cli("node", "list", "--bogus", "--", "--json")).stderr, /^error: /);
});

Deno.test("zss manifest lint --list-rules -o name prints the ids, one a line", async () => {
  assert.match((await cli("manifest", "lint", "--list-rules", "-o", "name")).stdout, /^([a-z0-9-]+\n)+$/);
});

Deno.test("zss says what was meant, where that is near", async () => {
  assert.match((await cli("node", "watch", "--replay-limt", "3")).stderr, /did you mean --replay-limit\?/);
  assert.match((await cli("nde")).stderr, /did you mean node\?/);
  assert.match((await cli("node", "nope")).stderr, /hint: zss node --help shows the commands/);
});

Deno.test("zss alone prints its help", async () => {
  const { code, stdout } = await cli();
  assert.equal(code, 0);
  assert.match(stdout, /zss demo/);
});
