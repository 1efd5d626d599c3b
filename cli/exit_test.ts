import assert from "node:assert/strict";
import { ZssError } from "../control/protocol/mod.ts";
import { exitCodeOf } from "./exit.ts";

Deno.test("exitCodeOf() tells usage, failure, denial, a failed driver and other refusals apart", () => {
  const codes = [
    "usage",
    "unreachable",
    "provider_auth_failed",
    "driver_failed",
    "node_not_found",
    "history_gone",
    "state_damaged",
  ];
  assert.deepEqual(codes.map((code) => exitCodeOf(new ZssError(code, "Cannot"))), [2, 3, 4, 6, 1, 5, 3]);
  assert.equal(exitCodeOf(new TypeError("a fault of our own")), 3);
});
