import assert from "node:assert/strict";
import { Errno, FsError, ZssError } from "../control/protocol/mod.ts";
import { queueFullError, refusalError } from "../runtime/host/refusal.ts";
import { exitCodeOf } from "./exit.ts";
import { nodeRefusal } from "./node_refusal.ts";

const cases: readonly (readonly [string, FsError, string, number, string, RegExp])[] = [
  ["a disabled service", refusalError({ reason: "disabled" }), "service_disabled", 1, "invoke", /edge echo enable /],
  [
    "a cooldown",
    refusalError({ reason: "cooldown", retry_after_ms: 4_200 }),
    "eagain",
    1,
    "invoke",
    /ends in 5 s; .*edge echo reset/,
  ],
  ["a full queue", queueFullError(), "eagain", 1, "invoke", /edge echo metrics/],
  ["a bad config", new FsError(Errno.EINVAL, "payload invalid: x"), "invalid", 1, "config-set", /config-get/],
  ["a bad payload", new FsError(Errno.EINVAL, "payload invalid: x"), "invalid", 1, "invoke", /edge echo template/],
  ["a large payload", new FsError(Errno.ENOSPC, "no space left: 1048576"), "enospc", 1, "invoke", /zss fs cp/],
  ["no token", new FsError(Errno.EACCES, "AuthMissing: this node"), "forbidden", 4, "invoke", /ZSS_TOKEN/],
  ["a wrong token", new FsError(Errno.EACCES, "AuthFailed: the token"), "forbidden", 4, "invoke", /ZSS_TOKEN/],
  ["no right", new FsError(Errno.EACCES, "private"), "forbidden", 4, "invoke", /fs ls \/nodes\/edge\/services/],
  [
    "no service",
    new FsError(Errno.ENOENT, 'file not found: the node serves no "svc-echo"'),
    "service_not_found",
    1,
    "status",
    /fs ls \/nodes\/edge\/services/,
  ],
  ["a lost node", new FsError(Errno.EIO, "node tunnel is unavailable"), "unreachable", 3, "status", /a moment ago/],
];

for (const [what, refusal, code, exit, action, hint] of cases) {
  Deno.test(`nodeRefusal() says what to do about ${what}`, () => {
    const error = nodeRefusal(refusal, "edge", `run ${action}`, { service: "echo", action });
    assert.ok(error instanceof ZssError);
    assert.deepEqual([error.code, exitCodeOf(error)], [code, exit]);
    assert.match(error.hint ?? "", hint);
    assert.ok(error.message.startsWith(`Cannot run ${action}: `));
  });
}
