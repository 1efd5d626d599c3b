import assert from "node:assert/strict";
import { hostMemory, PAGE_BYTES } from "./memory_limit.ts";
import { leb, MalformedModule, moduleOf } from "./sections.ts";

const section = (id: number, ...body: number[]) => ({ id, body: Uint8Array.from(body) });
const exportsMemory = section(7, 1, 6, ...new TextEncoder().encode("memory"), 2, 0);

/** Rewrites a module of these sections, and instantiates it with the memory that it asks for. */
function hosted(maxPages: number, ...sections: readonly { id: number; body: Uint8Array }[]) {
  const rewritten = hostMemory(moduleOf(sections), maxPages * PAGE_BYTES);
  assert.ok(typeof rewritten !== "string", String(rewritten));
  const { module, memory } = rewritten;
  assert.ok(memory !== undefined);
  const own = new WebAssembly.Memory(memory);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module), { zss: { memory: own }, env: { f() {} } });
  return { memory, own, instance };
}

const refusal = (maxPages: number, ...sections: readonly { id: number; body: Uint8Array }[]) =>
  hostMemory(moduleOf(sections), maxPages * PAGE_BYTES);

Deno.test("hostMemory() gives a memory without a maximum the limit, and exports the same memory", () => {
  const { memory, own, instance } = hosted(10, section(5, 1, 0, 2), exportsMemory);
  assert.deepEqual(memory, { initial: 2, maximum: 10 });
  assert.equal(instance.exports["memory"], own);
  assert.equal(own.grow(8), 2);
  assert.throws(() => own.grow(1), RangeError);
});

Deno.test("hostMemory() keeps a smaller maximum of the module and lowers a larger one", () => {
  assert.deepEqual(hosted(10, section(5, 1, 1, 2, 4)).memory, { initial: 2, maximum: 4 });
  assert.deepEqual(hosted(10, section(5, 1, 1, 2, ...leb(65_536))).memory, { initial: 2, maximum: 10 });
});

Deno.test("hostMemory() leaves other imports as they are", () => {
  const type = section(1, 1, 0x60, 0, 0);
  const imports = section(2, 1, 3, 101, 110, 118, 1, 102, 0, 0);
  assert.deepEqual(hosted(10, type, imports, section(5, 1, 0, 1)).memory, { initial: 1, maximum: 10 });
});

Deno.test("hostMemory() puts the import before what may follow it when there was none, and custom sections are no hindrance", () => {
  const name = section(0, 1, 120);
  assert.deepEqual(hosted(10, name, section(5, 1, 0, 1), name, exportsMemory, name).memory, {
    initial: 1,
    maximum: 10,
  });
});

Deno.test("hostMemory() leaves a module without memory alone", () => {
  const rewritten = refusal(10, section(5, 0));
  assert.ok(typeof rewritten !== "string");
  assert.equal(rewritten.memory, undefined);
});

Deno.test("hostMemory() says why it refuses", () => {
  const imported = section(2, 1, 3, 101, 110, 118, 1, 109, 2, 0, 1);
  assert.match(String(refusal(10, imported)), /it imports its memory/);
  assert.match(String(refusal(10, section(5, 2, 0, 1, 0, 1))), /it has 2 memories/);
  assert.match(String(refusal(10, section(5, 1, 3, 1, 2))), /shared or has 64 bits/);
  assert.match(String(refusal(10, section(5, 1, 0, 11))), /begins with 720896 bytes of memory, and may have 655360/);
});

const damaged: readonly (readonly [string, readonly number[]])[] = [
  ["nothing", []],
  ["another magic word", [0, 1, 2, 3, 1, 0, 0, 0]],
  ["a section that is cut off", [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 9, 1]],
  ["a number without end", [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, ...Array.from({ length: 12 }, () => 0xff)]],
];
for (const [what, bytes] of damaged) {
  Deno.test(`hostMemory() refuses ${what}`, () => {
    assert.throws(() => hostMemory(Uint8Array.from(bytes), PAGE_BYTES), MalformedModule);
  });
}
