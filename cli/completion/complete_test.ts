import assert from "node:assert/strict";
import { ManualClock } from "../../drivers/process/manual_clock.ts";
import type { CliIo } from "../io.ts";
import { completionLines, proposalLines, proposalsFor } from "./complete.ts";

const io: CliIo = {
  stdout: { isTerminal: false, write: () => {} },
  stderr: { isTerminal: false, write: () => {} },
  env: { ZSS_URL: "ws://127.0.0.1:1", ZSS_CONFIG_DIR: "/no/such/folder" },
  interrupted: new AbortController().signal,
  clock: new ManualClock(),
  readStdin: () => Promise.resolve(new Uint8Array()),
};

const words = async (...line: string[]) => (await proposalsFor(line, io)).map(({ word }) => word);

Deno.test("proposalsFor() proposes commands, flags, values of flags and of arguments", async () => {
  assert.ok((await words("")).includes("node"));
  assert.deepEqual(await words("fs", "r"), ["read", "rm"]);
  assert.deepEqual(await words("--url", "ws://x", "fs", "mk"), ["mkdir"]);
  assert.deepEqual(await words("node", "watch", "--rep"), ["--replay-limit"]);
  assert.deepEqual(await words("node", "list", "-o", "j"), ["json"]);
  assert.deepEqual(await words("node", "list", "--output=y"), ["--output=yaml"]);
  assert.deepEqual(await words("node", "list", "--cont"), ["--context"]);
  assert.deepEqual(await words("node", "run", "--pair-mode=re"), ["--pair-mode=request"]);
  assert.deepEqual(await words("completion", "f"), ["fish"]);
});

Deno.test("proposalsFor() proposes nothing where anything may stand", async () => {
  assert.deepEqual(await words("node", "run", "--", "--"), []);
  assert.deepEqual(await words("--url", ""), []);
  assert.deepEqual(await words("nowhere", ""), []);
});

Deno.test("completionLines() is silent whatever goes wrong, also without a server", async () => {
  assert.equal(await completionLines(["fs", "ls", "/no"], io), "");
  assert.equal(await completionLines(["node", "list", "--context", ""], io), "");
  assert.match(await completionLines(["manifest", "li"], io), /^lint\t\w/);
});

Deno.test("proposalLines() leaves out what nobody can type, and changes nothing of the rest", () => {
  const odd = [
    "a b",
    "two\nlines",
    "$(touch x)",
    "\u001b[2J",
    "tab\there",
    "half\ud800",
    "\u009b",
    "\u202e",
    "ä→\u{1f600}",
  ];
  assert.equal(proposalLines(odd.map((word) => ({ word, brief: "" }))), "a b\t\n$(touch x)\t\nä→\u{1f600}\t\n");
});
