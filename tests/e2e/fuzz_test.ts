/**
 * Every operation with payloads that nobody would send by accident.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { requests } from "../../control/protocol/ops.ts";
import { RawClient } from "./raw_client.ts";
import { Scene } from "./program.ts";

/** Operations that end what the others need, and those that change the token of the test. */
const LEFT_OUT = new Set(["token_revoke", "token_rotate", "auth_rotate"]);

/** Texts of payloads; most are valid JSON, some are what a careless reader takes for it. */
function payloads(name: string): fc.Arbitrary<string> {
  const members = Object.keys(requests[name as keyof typeof requests].shape);
  const strange = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom<unknown>(-1, 1e308, 0.5, "", "\u0000", "..", "/../..", "x".repeat(3000), null, [], {}, true),
  );
  const raw = fc.constantFrom(
    "1e400",
    '"\\ud800"',
    `${"[".repeat(70)}${"]".repeat(70)}`,
    '{"__proto__":{"admin":true}}',
    '{"constructor":{"prototype":1}}',
    '{"a":1,"a":2}',
    "12345678901234567890123",
  );
  const value = fc.oneof({ weight: 4, arbitrary: strange.map((one) => JSON.stringify(one) ?? "null") }, raw);
  const keys = fc.constantFrom(...members, "unknown", "toString");
  return fc.oneof(
    { weight: 6, arbitrary: fc.dictionary(keys, value).map((object) => objectText(Object.entries(object))) },
    { weight: 1, arbitrary: value },
  );
}

function objectText(entries: readonly (readonly [string, string])[]): string {
  return `{${entries.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join()}}`;
}

Deno.test("every operation answers whatever it is sent with a typed error or an answer, and keeps the connection", async () => {
  await using scene = await Scene.open();
  const client = await RawClient.open(scene.url, scene.token);
  await client.ask('{"channel":"control","type":"control.version","id":"v","payload":{"protocol":"unified-v2"}}');
  for (const name of Object.keys(requests)) {
    if (LEFT_OUT.has(name)) continue;
    for (const payload of fc.sample(payloads(name), { numRuns: 40, seed: 11 })) {
      const answer = await client.ask(
        `{"channel":"control","type":"control.${name}","id":"f","payload":${payload}}`,
        (frame) => frame["id"] === "f" || frame["type"] === "control.error",
      );
      if (answer["ok"] === true) continue;
      const error = Object(answer["error"]);
      const shown = `${name} ${payload.slice(0, 200)} -> ${JSON.stringify(error)}`;
      assert.equal(typeof error.code, "string", shown);
      assert.notEqual(error.code, "control_plane_error", shown);
      assert.ok(typeof error.message === "string" && error.message.length > 0 && error.message.length < 2000, shown);
      if (["invalid_payload", "missing_field", "invalid_json"].includes(error.code)) {
        assert.equal(typeof error.path, "string", shown);
      }
      if (name === "version" && error.code === "protocol_mismatch") {
        // The one error that ends a connection.
        client.close();
        await client.reopen();
        await client.ask('{"channel":"control","type":"control.version","id":"v","payload":{"protocol":"unified-v2"}}');
      }
    }
  }
  assert.equal(
    (await client.ask('{"channel":"control","type":"control.ping","id":"p"}', (one) => one["id"] === "p"))["ok"],
    true,
  );
  client.close();
});
