import assert from "node:assert/strict";
import { checkedProgram } from "./checked_program.ts";

/** A program that says something and ends with a status. */
function saying(text: string, status = 0): { readonly name: string; readonly file: string; readonly args: string[] } {
  const code = `console.log(${JSON.stringify(text)}); Deno.exit(${status})`;
  return { name: "talker", file: Deno.execPath(), args: ["eval", "--no-check", code] };
}

Deno.test("checkedProgram() takes the time of a program that says what it should", async () => {
  assert.ok(await checkedProgram({ ...saying("3 passed"), says: /^3 passed\n$/ }).measure() > 0);
});

Deno.test("checkedProgram() refuses a run that says something else", async () => {
  const contender = checkedProgram({ ...saying("2 passed"), says: /^3 passed\n$/ });
  await assert.rejects(contender.measure(), /Cannot measure "talker": it ended with 0: 2 passed/);
});

Deno.test("checkedProgram() refuses a run that ends with another status than 0", async () => {
  const contender = checkedProgram({ ...saying("3 passed", 1), says: /^3 passed\n$/ });
  await assert.rejects(contender.measure(), /it ended with 1: 3 passed/);
});

Deno.test("checkedProgram() refuses a program that is not there", async () => {
  const contender = checkedProgram({ name: "absent", file: "/nonexistent/program", args: [], says: /./ });
  await assert.rejects(contender.measure(), { code: "ENOENT" });
});

Deno.test("checkedProgram() passes the peer on", () => {
  assert.equal(checkedProgram({ ...saying(""), says: /./, peer: "hello" }).peer, "hello");
  assert.ok(!("peer" in checkedProgram({ ...saying(""), says: /./ })));
});
