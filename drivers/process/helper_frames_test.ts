import assert from "node:assert/strict";
import {
  ANSWER,
  type CallResult,
  decodeCall,
  decodeResult,
  encodeCall,
  encodeFrame,
  encodeResult,
  FrameReader,
  HEAD_BYTES,
} from "./helper_frames.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (of: Uint8Array) => new TextDecoder().decode(of);

const result: CallResult = {
  ...{ end: "exit", exitCode: 9, stdout: bytes("partial"), stderr: bytes("no camera"), note: "übrigens" },
  ...{ isSpent: true, isMarked: false },
};

Deno.test("decodeCall() reads what encodeCall() wrote", () => {
  const { timeoutMs, payload } = decodeCall(encodeCall(30_000, bytes("{}")).subarray(HEAD_BYTES));
  assert.deepEqual([timeoutMs, text(payload)], [30_000, "{}"]);
});

Deno.test("decodeResult() reads what encodeResult() wrote", () => {
  assert.deepEqual(decodeResult(encodeResult(result).subarray(HEAD_BYTES)), result);
});

Deno.test("decodeResult() takes no nonsense for a result", () => {
  const good = encodeResult(result).subarray(HEAD_BYTES);
  assert.equal(decodeResult(good.subarray(0, 13)), undefined);
  assert.equal(decodeResult(good.subarray(0, 20)), undefined);
  assert.equal(decodeResult(new Uint8Array(good).fill(0xff, 0, 1)), undefined);
  assert.equal(decodeResult(new Uint8Array(good).fill(0xff, 6, 10)), undefined);
});

for (const size of [1, 2, 4, 5, 7, 64, 1_000]) {
  Deno.test(`FrameReader finds whole frames in chunks of ${size} bytes`, () => {
    const sent = ["", "a", "x".repeat(200), "{}"];
    const all = sent.flatMap((word, index) => [...encodeFrame(index + 1, bytes(word))]);
    const seen: [number, string][] = [];
    const reader = new FrameReader(200, (kind, body) => seen.push([kind, text(body)]), assert.fail);
    for (let at = 0; at < all.length; at += size) reader.push(Uint8Array.from(all.slice(at, at + size)));
    assert.deepEqual(seen, sent.map((word, index) => [index + 1, word]));
  });
}

Deno.test("FrameReader keeps bodies apart that came in pieces", () => {
  const bodies: Uint8Array[] = [];
  const reader = new FrameReader(200, (_, body) => bodies.push(body), assert.fail);
  for (const word of ["first", "other"]) {
    const frame = encodeFrame(ANSWER.result, bytes(word));
    reader.push(frame.subarray(0, 7));
    reader.push(frame.subarray(7));
  }
  assert.deepEqual(bodies.map(text), ["first", "other"]);
});

Deno.test("FrameReader reads nothing after a frame that is too long", () => {
  const seen: number[] = [];
  const damage: string[] = [];
  const reader = new FrameReader(10, (kind) => seen.push(kind), (why) => damage.push(why));
  reader.push(encodeFrame(1, new Uint8Array(11)));
  reader.push(encodeFrame(2));
  assert.deepEqual([seen, damage], [[], ["it announced 11 bytes"]]);
});
