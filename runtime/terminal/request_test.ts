import assert from "node:assert/strict";
import { InvalidPayload, readExecRequest, readOpenRequest, type ShellWords } from "./request.ts";

const shell: ShellWords = (line) => ["sh", line];
const exec = (payload: unknown) => readExecRequest(new TextEncoder().encode(JSON.stringify(payload)), shell);
const open = (payload: unknown) => readOpenRequest(new TextEncoder().encode(JSON.stringify(payload)), shell);

const usual = { cwd: undefined, env: {}, maxOutputBytes: 131_072, timeoutMs: 30_000 };

const accepted: readonly (readonly [string, unknown, object])[] = [
  ["a line for the shell", { command: "ls" }, { argv: ["sh", "ls"] }],
  ["arguments", { argv: ["ls", "-l"] }, { argv: ["ls", "-l"] }],
  ["arguments before a line", { argv: ["ls"], command: "pwd" }, { argv: ["ls"] }],
  ["the form of tools", { tool_name: "shell_exec", arguments: { command: "ls" } }, { argv: ["sh", "ls"] }],
  ["a tool_name that is no text", { tool_name: 3, command: "ls" }, { argv: ["sh", "ls"] }],
  ["op in the arguments before that in the root", { op: "no", arguments: { op: "exec", argv: ["a"] } }, {
    argv: ["a"],
  }],
  ["a limit above the largest", { argv: ["a"], max_output_bytes: 9e9 }, { argv: ["a"], maxOutputBytes: 1_048_576 }],
  ["a limit that is none", { argv: ["a"], max_output_bytes: -1 }, { argv: ["a"] }],
  ["a folder and variables", { argv: ["a"], cwd: "/x", env: { A: "" } }, { argv: ["a"], cwd: "/x", env: { A: "" } }],
  ["a time", { argv: ["a"], timeout_ms: 5 }, { argv: ["a"], timeoutMs: 5 }],
];

for (const [name, payload, wanted] of accepted) {
  Deno.test(`readExecRequest() takes ${name}`, () => assert.deepEqual(exec(payload), { ...usual, ...wanted }));
}

const refused: readonly (readonly [string, unknown, RegExp])[] = [
  ["nothing", {}, /argv or command is wanted/],
  ["no object", [], /must be a JSON object/],
  ["arguments that are none", { arguments: "ls" }, /arguments must be a JSON object/],
  ["another tool", { tool_name: "rm", command: "ls" }, /tool_name must be/],
  ["another operation", { operation: "kill", command: "ls" }, /operation must be exec/],
  ["no words", { argv: [] }, /argv must be a list/],
  ["an empty word", { argv: ["ls", ""] }, /argv\[1\]/],
  ["a word with a zero byte", { argv: ["l\0s"] }, /argv\[0\]/],
  ["an empty line", { command: "" }, /command must be text/],
  ["an empty folder", { command: "ls", cwd: "" }, /cwd must be text/],
  ["no time", { command: "ls", timeout_ms: 0 }, /timeout_ms must be/],
  ["too much time", { command: "ls", timeout_ms: 600_001 }, /timeout_ms must be/],
  ["a variable of zss", { command: "ls", env: { zss_helper: "driver" } }, /env\.zss_helper must not be set/],
  ["a token of the node", { command: "ls", env: { SPIDERWEB_AUTH_TOKEN: "x" } }, /must not be set here/],
  ["a variable without a name", { command: "ls", env: { "": "x" } }, /not the name of a variable/],
  ["a variable that is no text", { command: "ls", env: { A: 1 } }, /env\.A must be text/],
];

for (const [name, payload, message] of refused) {
  Deno.test(`readExecRequest() refuses ${name}`, () => {
    assert.throws(() => exec(payload), (thrown) => thrown instanceof InvalidPayload && message.test(thrown.message));
  });
}

Deno.test("readExecRequest() refuses what is no JSON", () => {
  assert.throws(() => readExecRequest(new Uint8Array([0xff]), shell), InvalidPayload);
});

Deno.test("readOpenRequest() takes a size, and the usual one when there is none", () => {
  assert.deepEqual(open({}), { argv: undefined, cwd: undefined, env: {}, cols: 80, rows: 24 });
  const request = open({ cols: 1, rows: 1000, command: "top", cwd: "/x", env: { TERM: "vt100" } });
  assert.deepEqual(request, { argv: ["sh", "top"], cwd: "/x", env: { TERM: "vt100" }, cols: 1, rows: 1_000 });
  for (const cols of [0, 1_001, 1.5, "80"]) assert.throws(() => open({ cols }), /cols must be an integer/);
});
