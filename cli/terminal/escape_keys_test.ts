import assert from "node:assert/strict";
import { EscapeKeys } from "./escape_keys.ts";

/** What goes to the far side of these pieces, `|` where the person leaves, `?` where they ask for help. */
function typed(...pieces: string[]): string {
  const escapes = new EscapeKeys();
  let shown = "";
  for (const piece of pieces) {
    const { send, leave, help } = escapes.feed(new TextEncoder().encode(piece));
    shown += new TextDecoder().decode(send) + (help ? "?" : "");
    if (leave) return `${shown}|`;
  }
  return shown;
}

const cases: readonly (readonly [string, readonly string[], string])[] = [
  ["a tilde and a dot leave at the very beginning", ["~."], "|"],
  ["a tilde and a dot leave behind a line end", ["ls\r~.rest"], "ls\r|"],
  ["an escape may come in pieces", ["ls\n", "~", "."], "ls\n|"],
  ["within a line they are ordinary", ["a~.b"], "a~.b"],
  ["two tildes stand for one", ["~~."], "~."],
  ["a tilde before another key is one", ["~x\r"], "~x\r"],
  ["a tilde before a line end keeps the line end", ["~\r~."], "~\r|"],
  ["help is asked for and an escape may follow at once", ["~?~."], "?|"],
  ["help keeps what was typed", ["a\r~?b"], "a\rb?"],
  ["Ctrl-C and bytes of any kind pass", ["\x03é\x1b[A"], "\x03é\x1b[A"],
];

for (const [name, pieces, wanted] of cases) {
  Deno.test(`EscapeKeys: ${name}`, () => assert.equal(typed(...pieces), wanted));
}
