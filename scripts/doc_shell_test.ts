import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { runDocument } from "./doc_shell.ts";

const SHORT = { commandMs: 1_500, awaitMs: 500, endMs: 500 };

/** A document of one console block. */
function block(...lines: string[]): string {
  return ["Text.", "", "```console", ...lines, "```", ""].join("\n");
}

/** Whether a process runs; one that ended and was not yet collected by its parent does not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const about = `/proc/${pid}/stat`;
  return !(existsSync(about) && / Z /.test(readFileSync(about, "utf8")));
}

/** A test that needs bash. */
function shellTest(name: string, run: () => Promise<void>): void {
  Deno.test({ name, ignore: Deno.build.os === "windows" }, run);
}

shellTest("runDocument() runs all blocks in one shell, in one empty folder that is HOME", async () => {
  const text = block("$ ls -A", "$ pwd", "/…/home", "$ mkdir a && cd a && export WORD=kept") +
    block('$ test "$HOME" = "$(dirname "$PWD")" && basename "$PWD" && echo "$WORD"', "a", "kept");
  assert.equal(await runDocument(text), undefined);
});

shellTest("runDocument() passes a document without console blocks", async () => {
  assert.equal(await runDocument("# Title\n\n```sh\n$ false\n```\n"), undefined);
});

shellTest("runDocument() names the line, what is shown and what was said", async () => {
  const fault = await runDocument(block("$ echo one", "one", "$ echo two", "three"));
  assert.equal(fault, "line 6: $ echo two\nThe document shows:\n    three\nIt said:\n    two");
});

shellTest("runDocument() refuses a command that fails unless the document shows how", async () => {
  assert.match(await runDocument(block("$ ls nothing-here >&2")) ?? "", /status \d+ and said:\n.*nothing-here/);
  assert.equal(await runDocument(block('$ (exit 4) || echo "exit $?"', "exit 4")), undefined);
});

shellTest("runDocument() awaits the lines of a command that keeps running and ends it by id", async () => {
  const text = block(
    "$ (sleep 0.2; echo ready; echo more; exec sleep 600) &",
    "ready",
    "$ echo $! > pid; cat pid >&2",
    "$ kill -0 $(cat pid) && echo alive",
    "alive",
    '$ echo "pid $(cat pid)"',
    "no such line",
  );
  const fault = await runDocument(text) ?? "";
  const pid = Number(/pid (\d+)/.exec(fault)?.[1]);
  assert.ok(pid > 1, fault);
  assert.ok(!isAlive(pid));
});

shellTest("runDocument() ends a running command that does not listen to SIGTERM", async () => {
  const fault =
    await runDocument(block("$ (trap '' TERM; while :; do sleep 0.1; done) &", "$ echo $!", "none"), SHORT) ??
      "";
  const pid = Number(/(\d+)$/.exec(fault)?.[1]);
  assert.ok(pid > 1, fault);
  assert.ok(!isAlive(pid));
});

shellTest("runDocument() gives up on lines that never come", async () => {
  const fault = await runDocument(block("$ (echo starting; exec sleep 600) &", "ready"), SHORT);
  assert.match(fault ?? "", /The document shows:\n {4}ready\nIt said:\n {4}starting/);
});

shellTest("runDocument() gives up on a command that does not end", async () => {
  assert.match(await runDocument(block("$ sleep 600"), SHORT) ?? "", /did not end within 1500 ms/);
});

shellTest("runDocument() looks again until a file shows what it should", async () => {
  const text = block("$ (sleep 0.3; echo one; echo two) > events.txt &", "$ cat events.txt", "one", "two");
  assert.equal(await runDocument(text), undefined);
});

shellTest("runDocument() gives commands an empty input, so none waits for a person", async () => {
  assert.equal(await runDocument(block("$ wc -c", "0", "$ cat > a; echo done", "done")), undefined);
});
