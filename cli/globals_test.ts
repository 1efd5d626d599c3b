import assert from "node:assert/strict";
import { ZssError } from "../control/protocol/mod.ts";
import { liftGlobals } from "./globals.ts";

Deno.test("liftGlobals() takes the flags out of any position, in either form", () => {
  const { globals, rest } = liftGlobals([
    "--url",
    "ws://a",
    "node",
    "list",
    "--token-file=t",
    "--ca",
    "c",
    "--context",
    "lab",
    "--json",
    "--verbose",
    "x",
  ]);
  const given = { url: "ws://a", tokenFile: "t", context: "lab", ca: "c", output: "json", verbose: true };
  assert.deepEqual(globals, { ...given, project: undefined, escaped: 0 });
  assert.deepEqual(rest, ["node", "list", "x"]);
});

Deno.test("liftGlobals() takes nothing behind --", () => {
  const { globals, rest } = liftGlobals(["node", "--", "--url", "ws://a"]);
  assert.deepEqual([globals.url, globals.escaped], [undefined, 2]);
  assert.deepEqual(rest, ["node", "--", "--url", "ws://a"]);
});

Deno.test("liftGlobals() refuses a flag without its value", () => {
  for (const argv of [["--url"], ["-o"], ["--url="], ["--token-file", ""]]) {
    assert.throws(() => liftGlobals(argv), (error) => error instanceof ZssError && error.code === "usage");
  }
});
