import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { ManualClock } from "../../drivers/process/mod.ts";
import { FS_TOKEN_TTL_MS, FsTokens } from "./fs_tokens.ts";

Deno.test("FsTokens opens the files of one node for five minutes, whatever the wall clock does", () => {
  const clock = new ManualClock();
  const tokens = new FsTokens(clock, randomBytes);
  const token = tokens.mint("node-1");
  clock.jumpWall(3_600_000);
  assert.deepEqual([tokens.opens(token, "node-1"), tokens.opens(token, "node-2"), tokens.opens("fs-0", "node-1")], [
    true,
    false,
    false,
  ]);
  clock.advance(FS_TOKEN_TTL_MS);
  assert.equal(tokens.opens(token, "node-1"), false);
  assert.notEqual(tokens.mint("node-1"), token);
});
