import assert from "node:assert/strict";
import { isGreeting } from "./greeting.ts";
import type { Route } from "./route.ts";

Deno.test("isGreeting() knows the first frame of each kind of path by its type", () => {
  const control: Route = { kind: "control" };
  const tunnel: Route = { kind: "node_tunnel" };
  const files: Route = { kind: "node_files", nodeId: "node-1" };
  const version = '{"channel":"control","type":"control.version"}';
  const hello = '{"payload":{"type":"x"},"type" : "acheron.t_fs_hello","tag":1}';
  assert.deepEqual([control, tunnel, files].map((route) => isGreeting(route, version)), [true, false, false]);
  assert.deepEqual([control, tunnel, files].map((route) => isGreeting(route, hello)), [false, true, true]);
  const others = [
    "",
    "{",
    "[]",
    '"control.version"',
    '{"payload":{"type":"control.version"}}',
    '{"type":7}',
    '{"type":}',
  ];
  for (const text of others) assert.equal(isGreeting(control, text), false, text);
});
