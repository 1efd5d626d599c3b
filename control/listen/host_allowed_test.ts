import assert from "node:assert/strict";
import { hostAllowed, hostRules } from "./host_allowed.ts";

Deno.test("hostAllowed() takes loopback, the bind address, named hosts and the address connected to", () => {
  const rules = hostRules("zss.internal", ["Zss.Example", "2001:db8::1", "not a host"]);
  const cases: readonly (readonly [string | undefined, string | undefined, boolean])[] = [
    ["localhost:18790", "127.0.0.1", true],
    ["127.0.0.1:18790", "127.0.0.1", true],
    ["[::1]:18790", "::1", true],
    ["zss.internal:18790", "10.0.0.5", true],
    ["ZSS.example.:443", "10.0.0.5", true],
    ["[2001:DB8:0::1]", "10.0.0.5", true],
    ["10.0.0.5:18790", "10.0.0.5", true],
    ["10.0.0.5", "::ffff:10.0.0.5", true],
    ["10.0.0.6", "10.0.0.5", false],
    ["evil.example:18790", "127.0.0.1", false],
    ["localhost.evil.example", "127.0.0.1", false],
    ["not a host", "127.0.0.1", false],
    ["", "127.0.0.1", false],
    [undefined, "127.0.0.1", true],
  ];
  for (const [host, local, wanted] of cases) {
    assert.equal(hostAllowed(host, rules, local), wanted, `${host} at ${local}`);
  }
});

Deno.test("hostAllowed() takes any address, and no further name, where the runtime does not say what was connected to", () => {
  const rules = hostRules("0.0.0.0", []);
  assert.equal(hostAllowed("10.0.0.6:18790", rules, undefined), true);
  assert.equal(hostAllowed("evil.example", rules, undefined), false);
});
