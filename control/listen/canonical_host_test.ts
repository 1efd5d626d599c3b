import assert from "node:assert/strict";
import { canonicalHost, hostOfHeader } from "./canonical_host.ts";

Deno.test("canonicalHost() spells every host in one way", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["Zss.Example.", "zss.example"],
    ["10.1.2.3", "10.1.2.3"],
    ["127.1", "127.0.0.1"],
    ["::1", "::1"],
    ["[::1]", "::1"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["FE80::1%eth0", "fe80::1"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["my_host", "my_host"],
    ["", undefined],
    ["user@127.0.0.1", undefined],
    ["a/b", undefined],
    ["300.1.2.3", undefined],
  ];
  for (const [given, wanted] of cases) assert.equal(canonicalHost(given), wanted, given);
});

Deno.test("hostOfHeader() takes the port away and refuses what is no host", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["localhost:18790", "localhost"],
    ["[::1]:18790", "::1"],
    ["[::1]", "::1"],
    ["zss.example", "zss.example"],
    ["::1", undefined],
    ["a:b", undefined],
    [":80", undefined],
    ["evil.example@127.0.0.1:80", undefined],
  ];
  for (const [given, wanted] of cases) assert.equal(hostOfHeader(given), wanted, given);
});
