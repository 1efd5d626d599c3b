import assert from "node:assert/strict";
import { ZssError } from "../control/protocol/mod.ts";
import { allowedList, hostWord, originWord } from "./allowed.ts";

Deno.test("hostWord() takes names and addresses, and nothing around them", () => {
  for (const host of ["zss.example", "ZSS", "10.0.0.5", "::1", "[2001:db8::1]"]) assert.equal(hostWord(host), host);
  for (const text of ["", "https://zss.example", "zss.example:443", "zss.example/x", "*", "*.example", "a b"]) {
    assert.throws(() => hostWord(text), SyntaxError, text);
  }
});

Deno.test("originWord() takes origins as browsers write them", () => {
  assert.equal(originWord("https://Dash.example"), "https://dash.example");
  assert.equal(originWord("https://dash.example:443/"), "https://dash.example");
  assert.equal(originWord("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
  for (const text of ["", "null", "*", "https://*.example", "dash.example", "https://a/b", "wss://a", "https://u@a"]) {
    assert.throws(() => originWord(text), SyntaxError, text);
  }
});

Deno.test("allowedList() puts flags and the variable together, and names the variable that is wrong", () => {
  const env = { ZSS_ALLOWED_HOSTS: " a.example, ,b.example " };
  assert.deepEqual(allowedList(["c.example"], env, "ZSS_ALLOWED_HOSTS", hostWord), [
    "c.example",
    "a.example",
    "b.example",
  ]);
  assert.deepEqual(allowedList([], {}, "ZSS_ALLOWED_HOSTS", hostWord), []);
  assert.throws(
    () => allowedList([], { ZSS_ALLOWED_HOSTS: "a.example,http://b" }, "ZSS_ALLOWED_HOSTS", hostWord),
    (error) =>
      error instanceof ZssError && error.code === "usage" && error.message.includes('"http://b" of ZSS_ALLOWED_'),
  );
});
