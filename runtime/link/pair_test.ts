import assert from "node:assert/strict";
import { readCredentials } from "./pair.ts";

const whole = {
  node_id: "node-2",
  node_secret: "secret-1",
  lease_token: "lease-1",
  lease_expires_at_ms: 1_772_200_900_000,
  node_name: "edge",
  fs_url: "ws://h:18790/v2/fs/node/node-2",
};

Deno.test("readCredentials() keeps what a node needs to come back, and nothing else", () => {
  assert.deepEqual(readCredentials({ ...whole, platform: { os: "linux" }, lease_generation: 3 }), whole);
});

Deno.test("readCredentials() does without what the reference may leave out", () => {
  const { node_id, node_secret, lease_token } = whole;
  const bare = { node_id, node_secret, lease_token, lease_expires_at_ms: 0, node_name: "node-2", fs_url: "" };
  assert.deepEqual(readCredentials({ node_id, node_secret, lease_token }), bare);
  const empty = { ...whole, node_name: null, fs_url: null, lease_expires_at_ms: "soon" };
  assert.deepEqual(readCredentials(empty), bare);
});

Deno.test("readCredentials() names the member without which there is no node", () => {
  for (const name of ["node_id", "node_secret", "lease_token"]) {
    for (const value of [undefined, null, "", 7]) {
      assert.throws(() => readCredentials({ ...whole, [name]: value }), {
        code: "remote_error",
        message: `Cannot read the server's answer: ${name} is missing`,
      });
    }
  }
});
