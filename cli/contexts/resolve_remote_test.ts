import assert from "node:assert/strict";
import { ZssError } from "../../control/protocol/mod.ts";
import type { Contexts } from "./contexts.ts";
import { asksContexts, isSameServer, type Remote, resolveRemote, type Wishes } from "./resolve_remote.ts";

const byName = new Map([
  ["lab", { url: "ws://lab:1", token: "t-lab", ca: "/lab.pem", project: "p-lab" }],
  ["open", { url: "ws://open:2" }],
]);
const current: Contexts = { current: "lab", byName };
const none: Contexts = { current: undefined, byName };

const said = (from: string, value: string) => ({ from, value });
const flagUrl = (value: string) => ({ url: said("--url", value) });
const envUrl = (value: string) => ({ url: said("ZSS_URL", value) });
const flagToken = { token: said("--token-file", "t-flag") };
const envToken = { token: said("ZSS_TOKEN", "t-env") };
const named = (value: string) => ({ context: said("--context", value) });

/** What is found: address and its origin, token and its origin, the context that is used, how many notes. */
type Found = readonly [string, string, string | undefined, string | undefined, string | undefined, number];

const cases: readonly (readonly [string, Wishes, Contexts, Found])[] = [
  ["the default without anything", {}, none, ["ws://127.0.0.1:18790", "default", undefined, undefined, undefined, 0]],
  ["the current context", {}, current, ["ws://lab:1", "context", "t-lab", "context", "lab", 0]],
  [
    "a named context before the current one",
    named("open"),
    current,
    ["ws://open:2", "context", undefined, undefined, "open", 0],
  ],
  [
    "a token of the environment before that of the context, with a note where the context was named",
    { ...envToken, ...named("lab") },
    none,
    ["ws://lab:1", "context", "t-env", "ZSS_TOKEN", "lab", 1],
  ],
  [
    "a token of the environment before that of the current context",
    envToken,
    current,
    ["ws://lab:1", "context", "t-env", "ZSS_TOKEN", "lab", 0],
  ],
  [
    "the token of a flag for a context without one",
    { ...flagToken, ...named("open") },
    none,
    ["ws://open:2", "context", "t-flag", "--token-file", "open", 0],
  ],
  [
    "the context's token for the same server in other words",
    flagUrl("WS://LAB:1/"),
    current,
    ["WS://LAB:1/", "--url", "t-lab", "context", "lab", 0],
  ],
  [
    "no token for another port",
    flagUrl("ws://lab:2"),
    current,
    ["ws://lab:2", "--url", undefined, undefined, undefined, 0],
  ],
  [
    "no token for another scheme",
    flagUrl("wss://lab:1"),
    current,
    ["wss://lab:1", "--url", undefined, undefined, undefined, 0],
  ],
  [
    "no token for a server whose name only begins alike",
    flagUrl("ws://lab:1@evil:1"),
    current,
    ["ws://lab:1@evil:1", "--url", undefined, undefined, undefined, 0],
  ],
  [
    "no token for what is no address",
    flagUrl("lab:1"),
    current,
    ["lab:1", "--url", undefined, undefined, undefined, 0],
  ],
  [
    "no token for another server of the environment",
    envUrl("ws://other:1"),
    current,
    ["ws://other:1", "ZSS_URL", undefined, undefined, undefined, 0],
  ],
  [
    "the address of the environment before a named context, with a note",
    { ...envUrl("ws://other:1"), ...named("lab") },
    current,
    ["ws://other:1", "ZSS_URL", undefined, undefined, undefined, 1],
  ],
  [
    "no context where address and token are given",
    { ...envUrl("ws://lab:1"), ...envToken },
    current,
    ["ws://lab:1", "ZSS_URL", "t-env", "ZSS_TOKEN", undefined, 0],
  ],
  [
    "a named context's certificates even where address and token are given",
    { ...envUrl("ws://lab:1"), ...envToken, ...named("lab") },
    none,
    ["ws://lab:1", "ZSS_URL", "t-env", "ZSS_TOKEN", "lab", 1],
  ],
];
for (const [what, wishes, contexts, found] of cases) {
  Deno.test(`resolveRemote() takes ${what}`, () => {
    const remote: Remote = resolveRemote(wishes, contexts);
    const { url, urlFrom, token, tokenFrom, context, notes } = remote;
    assert.deepEqual([url, urlFrom, token, tokenFrom, context, notes.length], found);
    // Certificates and project go with the context or not at all.
    const used = context === undefined ? undefined : byName.get(context);
    assert.deepEqual([remote.ca, remote.project], [used?.ca, used?.project]);
  });
}

Deno.test("resolveRemote() refuses a context that does not exist, lists the others and says who named it", () => {
  const wishes = { ...flagUrl("ws://lab:1"), ...flagToken, context: said("ZSS_CONTEXT", "lob") };
  assert.throws(() => resolveRemote(wishes, current), (error) => {
    assert.ok(error instanceof ZssError);
    assert.deepEqual([error.code, error.hint], ["usage", "the contexts are lab, open"]);
    assert.match(error.message, /"lob" of ZSS_CONTEXT/);
    return true;
  });
});

Deno.test("resolveRemote() never puts a token into a note", () => {
  const { notes } = resolveRemote({ ...envToken, ...named("lab") }, current);
  assert.doesNotMatch(notes.join(), /t-lab|t-env/);
});

Deno.test("asksContexts() is false exactly when address and token are given and no context is named", () => {
  const wishes: readonly Wishes[] = [{}, envUrl("ws://a"), envToken, { ...envUrl("ws://a"), ...envToken }];
  assert.deepEqual(wishes.map(asksContexts), [true, true, true, false]);
  assert.ok(asksContexts({ ...envUrl("ws://a"), ...envToken, ...named("lab") }));
});

Deno.test("isSameServer() looks at scheme, host and port, and at nothing else", () => {
  assert.ok(isSameServer("wss://zss.example", "wss://ZSS.example:443/v2"));
  assert.ok(!isSameServer("ws://zss.example", "wss://zss.example"));
  assert.ok(!isSameServer("ws://localhost:1", "ws://127.0.0.1:1"));
  assert.ok(!isSameServer("", ""));
});
