import assert from "node:assert/strict";
import { setOnSocketsOf } from "./no_delay.ts";

Deno.test(
  "setOnSocketsOf() finds the socket of a port, and none of another",
  { ignore: Deno.build.os !== "linux" },
  () => {
    for (const hostname of ["127.0.0.1", "::1"]) {
      using listener = Deno.listen({ hostname, port: 0 });
      assert.equal(setOnSocketsOf(listener.addr.port), 1);
    }
    assert.equal(setOnSocketsOf(1), 0);
  },
);
