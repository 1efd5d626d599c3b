import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { ManualClock } from "../../drivers/process/mod.ts";
import { FS_TOKEN_TTL_MS, type FsGrant, FsTokens } from "./fs_tokens.ts";

const binding = { agent_id: "a", project_id: "proj-1", project_token: undefined };
const bob = { role: "user", name: "bob", token_id: "t-1", scopes: [], project_id: null, actions: null } as const;
const grant: FsGrant = { actor: bob, binding };

Deno.test("FsTokens opens the files of one node for five minutes, whatever the wall clock does", () => {
  const clock = new ManualClock();
  const tokens = new FsTokens(clock, randomBytes);
  const token = tokens.mint("node-1", grant);
  clock.jumpWall(3_600_000);
  assert.equal(tokens.open(token, "node-1")?.actor, bob);
  assert.deepEqual([tokens.open(token, "node-2"), tokens.open("fs-0", "node-1")], [undefined, undefined]);
  clock.advance(FS_TOKEN_TTL_MS);
  assert.equal(tokens.open(token, "node-1"), undefined);
  const next = tokens.mint("node-1", grant);
  assert.notEqual(next, token);
  assert.equal(tokens.mint("node-1", grant), next);
  assert.notEqual(tokens.mint("node-1", { ...grant, binding: { ...binding, project_token: "t" } }), next);
  clock.advance(FS_TOKEN_TTL_MS / 2);
  assert.notEqual(tokens.mint("node-1", grant), next);
});

Deno.test("FsTokens ends with the token of whoever they were made for", () => {
  const tokens = new FsTokens(new ManualClock(), randomBytes);
  const token = tokens.mint("node-1", grant);
  const other = tokens.mint("node-1", { ...grant, actor: { ...bob, token_id: "t-2" } });
  tokens.revoke("t-1");
  assert.equal(tokens.open(token, "node-1"), undefined);
  assert.ok(tokens.open(other, "node-1"));
});
