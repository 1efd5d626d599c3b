import assert from "node:assert/strict";
import fc from "fast-check";
import { childNameProblem, Errno, FsError, unsignedInteger } from "./fs.ts";
import {
  fsDirectoryInvalidationFrame,
  fsErrorFrame,
  fsInvalidationFrame,
  fsReplyFrame,
  fsRequestFrame,
  parseFsFrame,
  parseFsHello,
} from "./fs_frames.ts";
import { fsReplies, parseFsNews, parseFsReply } from "./fs_replies.ts";
import { decodeBase64, type FsRequest, parseFsRequest } from "./fs_requests.ts";
import { stringifyJson } from "./json.ts";

const read = (frame: object): FsRequest =>
  parseFsRequest(parseFsFrame(stringifyJson({ channel: "acheron", ...frame })));

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    assert(error instanceof FsError, String(error));
    return `${error.errno} ${error.message}`;
  }
  assert.fail("accepted");
}

Deno.test("parseFsRequest() reads every operation of the public client, defaults included", () => {
  const cases: readonly [string, object, object][] = [
    ["hello", { payload: { protocol: "unified-v2-fs", proto: 2 } }, { payload: {} }],
    ["exports", {}, { payload: {} }],
    ["lookup", { node: 1, payload: { name: "README.md" } }, { node: 1n, payload: { name: "README.md" } }],
    ["getattr", { node: 281474976710700 }, { node: 281474976710700n, payload: {} }],
    ["readdirp", { node: 1 }, { node: 1n, payload: { cookie: 0, max: 128, links: false } }],
    ["readdirp", { node: 1, payload: { cookie: 9, max: 99_999, links: true } }, {
      node: 1n,
      payload: { cookie: 9, max: 16_384, links: true },
    }],
    ["open", { node: 1 }, { node: 1n, payload: { flags: 0 } }],
    ["read", { h: 5 }, { h: 5n, payload: { off: 0, len: 65_536 } }],
    ["read", { h: 5, payload: { off: 7, len: 0xffff_ffff } }, { h: 5n, payload: { off: 7, len: 1_048_576 } }],
    ["write", { h: 5, payload: { data_b64: "e30=" } }, {
      h: 5n,
      payload: { off: 0, data_b64: new Uint8Array([123, 125]) },
    }],
    ["close", { h: 5 }, { h: 5n, payload: {} }],
    ["truncate", { node: 1 }, { node: 1n, payload: { sz: 0 } }],
    ["statfs", { node: 1 }, { node: 1n, payload: {} }],
    ["create", { node: 1, payload: { name: "a" } }, { node: 1n, payload: { name: "a", mode: 0o100644, flags: 2 } }],
    ["rename", { payload: { old_parent: 1, old_name: "a", new_parent: 2, new_name: "b" } }, {
      payload: { old_parent: 1n, old_name: "a", new_parent: 2n, new_name: "b" },
    }],
  ];
  for (const [op, members, expected] of cases) {
    assert.deepEqual(read({ type: `acheron.t_fs_${op}`, tag: 1, ...members }), { op, ...expected });
  }
});

Deno.test("parseFsRequest() reads what only some trees can do when it is asked for, and refuses it then", () => {
  const later = (op: string, payload: object): unknown => {
    const target = op === "lock" ? { h: 5 } : { node: 1 };
    const request = read({ type: `acheron.t_fs_${op}`, tag: 1, ...target, payload });
    return "payload" in request && typeof request.payload === "function" ? request.payload() : assert.fail(op);
  };
  assert.deepEqual(later("lock", { kind: "shared" }), { kind: "shared", wait: true });
  assert.deepEqual(later("symlink", { name: "a", target: "../b" }), { name: "a", target: "../b" });
  assert.deepEqual(later("readlink", { name: "a" }), { name: "a" });
  assert.deepEqual(later("setattr", {}), {});
  assert.deepEqual(later("setattr", { mode: 0o640, at: -5, mt: 1_772_200_000_000_000_001n }), {
    mode: 0o640,
    at: -5n,
    mt: 1_772_200_000_000_000_001n,
  });
  assert.deepEqual(later("setxattr", { name: "user.a", value_b64: "AA==" }), {
    name: "user.a",
    value_b64: new Uint8Array(1),
    flags: 0,
  });
  const cases: readonly [string, object, string][] = [
    ["lock", {}, "LOCK requires a.kind"],
    ["lock", { kind: "upgrade" }, "invalid lock kind"],
    ["lock", { kind: "shared", wait: 1 }, "wait must be bool"],
    ["symlink", { name: "a" }, "SYMLINK requires a.target"],
    ["symlink", { name: "..", target: "b" }, "invalid child name"],
    ["symlink", { name: "a", target: "b\0" }, "invalid link target"],
    ["symlink", { name: "a", target: "" }, "invalid link target"],
    ["symlink", { name: "a", target: "b".repeat(4_096) }, "name too long"],
    ["readlink", {}, "READLINK requires a.name"],
    ["setattr", { mode: "644" }, "mode must be u32"],
    ["setattr", { mt: 1.5 }, "mt must be i64 nanoseconds"],
    ["setattr", { at: 1n << 63n }, "at must be i64 nanoseconds"],
    ["setxattr", { name: "", value_b64: "" }, "invalid attribute name"],
    ["setxattr", { name: "user.a" }, "SETXATTR requires a.value_b64"],
    ["setxattr", { name: "user.a", value_b64: "*" }, "invalid base64 payload"],
    ["getxattr", { name: 7 }, "name must be a string"],
  ];
  for (const [op, payload, message] of cases) assert.equal(refusal(() => later(op, payload)), `22 ${message}`, message);
});

Deno.test("parseFsRequest() refuses wrong arguments in the words of the reference", () => {
  const cases: readonly [string, object, string][] = [
    ["lookup", {}, "LOOKUP requires node"],
    ["lookup", { node: "1" }, "node must be u64"],
    ["lookup", { node: -1 }, "node must be u64"],
    ["lookup", { node: 1.5 }, "node must be u64"],
    ["lookup", { node: null }, "node must be u64"],
    ["lookup", { node: 1n << 63n }, "node must be u64"],
    ["lookup", { node: 1 }, "LOOKUP requires a.name"],
    ["lookup", { node: 1, payload: { name: 7 } }, "name must be a string"],
    ["lookup", { node: 1, payload: { name: ".." } }, "invalid child name"],
    ["getattr", { h: 1 }, "GETATTR requires node"],
    ["readdirp", { node: 1, payload: { cookie: "0" } }, "cookie must be u64"],
    ["readdirp", { node: 1, payload: { max: 0x1_0000_0000 } }, "max must be u32"],
    ["open", { node: 1, payload: { flags: [] } }, "flags must be u32"],
    ["read", { node: 1 }, "READ requires h"],
    ["read", { h: true }, "h must be u64"],
    ["read", { h: 1, payload: { off: -1 } }, "off must be u64"],
    ["read", { h: 1, payload: { off: 1n << 60n } }, `off must be u64 below 2^53: ${1n << 60n} found`],
    ["read", { h: 1, payload: { len: "64" } }, "len must be u32"],
    ["write", { h: 1 }, "WRITE requires a.data_b64"],
    ["write", { h: 1, payload: { data_b64: 1 } }, "data_b64 must be a string"],
    ["write", { h: 1, payload: { data_b64: "e30" } }, "invalid base64 payload"],
    ["write", { h: 1, payload: { data_b64: btoa("x".repeat(1_048_577)) } }, "WRITE exceeds max_write"],
    ["close", {}, "CLOSE requires h"],
    ["truncate", { node: 1, payload: { sz: {} } }, "sz must be u64"],
    ["statfs", {}, "STATFS requires node"],
    ["create", { node: 1 }, "CREATE requires a.name"],
    ["mkdir", { node: 1, payload: { name: "a/b" } }, "invalid child name"],
    ["unlink", { payload: { name: "a" } }, "UNLINK requires node"],
    ["rmdir", { node: 1, payload: { name: "" } }, "invalid child name"],
    ["rename", { payload: {} }, "RENAME requires a.old_parent"],
    ["rename", { payload: { old_parent: "1" } }, "old_parent must be u64"],
    ["symlink", {}, "SYMLINK requires node"],
    ["getxattr", { node: {} }, "node must be u64"],
    ["lock", {}, "LOCK requires h"],
    ["lookup", { node: 1, payload: "x" }, "InvalidPayload: payload must be an object"],
    ["lookup", { node: 1, payload: null }, "InvalidPayload: payload must be an object"],
    ["format", {}, 'UnsupportedType: "acheron.t_fs_format" is no request of the file protocol'],
    ["constructor", {}, 'UnsupportedType: "acheron.t_fs_constructor" is no request of the file protocol'],
  ];
  for (const [op, members, message] of cases) {
    const frame = { type: `acheron.t_fs_${op}`, tag: 1, ...members };
    assert.equal(refusal(() => read(frame)), `22 ${message}`, stringifyJson(frame).slice(0, 200));
  }
});

Deno.test("parseFsFrame() refuses what is no frame in the words of the reference", () => {
  const cases: readonly [string, string][] = [
    ["", "InvalidEnvelope"],
    ["{", "InvalidEnvelope"],
    ["[]", "InvalidEnvelope"],
    ["null", "InvalidEnvelope"],
    ['{"channel":"acheron","type":"a","type":"b"}', "InvalidEnvelope"],
    ['{"channel":"acheron","__proto__":{}}', "InvalidEnvelope"],
    [`{"channel":${"[".repeat(10_000)}`, "InvalidEnvelope"],
    ["{}", "MissingField"],
    ['{"channel":"acheron"}', "MissingField"],
    ['{"type":"acheron.t_fs_hello"}', "MissingField"],
    ['{"channel":1,"type":"acheron.t_fs_hello"}', "InvalidType"],
    ['{"channel":"acheron","type":1}', "InvalidType"],
    ['{"channel":"control","type":"acheron.t_fs_hello"}', "UnsupportedType"],
    ['{"channel":"acheron","type":"control.ping"}', "UnsupportedType"],
    ['{"channel":"acheron","type":"acheron.t_fs_hello","tag":4294967296}', "InvalidType"],
    ['{"channel":"acheron","type":"acheron.t_fs_hello","tag":-1}', "InvalidType"],
    ['{"channel":"acheron","type":"acheron.t_fs_hello","tag":"1"}', "InvalidType"],
  ];
  for (const [text, name] of cases) {
    assert.match(refusal(() => parseFsFrame(text)), new RegExp(`^22 ${name}: `), text.slice(0, 80));
  }
});

Deno.test("parseFsRequest() never fails but with an FsError, whatever JSON it gets", () => {
  const op = fc.constantFrom("lookup", "readdirp", "open", "read", "write", "truncate", "rename", "lock", "hello", "x");
  const type = fc.oneof(op.map((name) => `acheron.t_fs_${name}`), fc.string());
  const frame = fc.record({
    channel: fc.oneof(fc.constant("acheron"), fc.jsonValue()),
    type: fc.oneof(type, fc.jsonValue()),
    tag: fc.oneof(fc.nat(), fc.jsonValue()),
    node: fc.oneof(fc.bigInt(), fc.jsonValue()),
    h: fc.oneof(fc.bigInt(), fc.jsonValue()),
    payload: fc.oneof(
      fc.jsonValue(),
      fc.record({
        name: fc.oneof(fc.string({ unit: "binary" }), fc.jsonValue()),
        off: fc.oneof(fc.bigInt(), fc.jsonValue()),
        data_b64: fc.oneof(fc.string(), fc.jsonValue()),
      }, { requiredKeys: [] }),
    ),
  }, { requiredKeys: ["channel", "type"] });
  const text = fc.oneof(frame.map(stringifyJson), fc.json(), fc.string());
  fc.assert(
    fc.property(text, (given) => {
      try {
        parseFsRequest(parseFsFrame(given));
      } catch (error) {
        assert(error instanceof FsError && error.errno === Errno.EINVAL, String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("childNameProblem() accepts one step of a path and nothing that is more or less", () => {
  const names: readonly [string, string | undefined][] = [
    ["README.md", undefined],
    ["%2e%2e", undefined],
    ["...", undefined],
    [" ", undefined],
    ["C:", undefined],
    ["ü".repeat(127), undefined],
    ["a".repeat(255), undefined],
    ["", "invalid child name"],
    [".", "invalid child name"],
    ["..", "invalid child name"],
    ["a/b", "invalid child name"],
    ["/", "invalid child name"],
    ["..\\a", "invalid child name"],
    ["a\0", "invalid child name"],
    ["\ud800", "invalid utf8"],
    ["a".repeat(256), "name too long"],
    ["ü".repeat(128), "name too long"],
  ];
  for (const [name, problem] of names) assert.equal(childNameProblem(name), problem, JSON.stringify(name));
});

Deno.test("unsignedInteger() takes what 63 bits hold, exactly", () => {
  assert.equal(unsignedInteger(0), 0n);
  assert.equal(unsignedInteger(-0), 0n);
  assert.equal(unsignedInteger(2 ** 53 - 1), 2n ** 53n - 1n);
  assert.equal(unsignedInteger(2n ** 63n - 1n), 2n ** 63n - 1n);
  for (const other of [2n ** 63n, -1n, -1, 0.5, 2 ** 53, NaN, Infinity, "1", true, null, undefined, [1]]) {
    assert.equal(unsignedInteger(other), undefined, String(other));
  }
});

Deno.test("decodeBase64() takes standard base64 with padding and nothing else", () => {
  assert.deepEqual(decodeBase64(""), new Uint8Array());
  assert.deepEqual(decodeBase64("//79"), new Uint8Array([255, 254, 253]));
  for (const text of ["e30", "e30=\n", " e30", "e30==", "e3x=", "====", "__79", "AAAA    ", "é===", "A"]) {
    assert.equal(decodeBase64(text), undefined, JSON.stringify(text));
  }
});

Deno.test("frames of the file protocol look on the wire as those of the reference", () => {
  assert.equal(
    fsRequestFrame("fs_write", 9, { h: 5 }, { off: 0, data_b64: "e30=" }),
    '{"channel":"acheron","type":"acheron.t_fs_write","tag":9,"h":5,"payload":{"off":0,"data_b64":"e30="}}',
  );
  assert.equal(
    fsReplyFrame("fs_write", 9, { n: 2 }),
    '{"channel":"acheron","type":"acheron.r_fs_write","tag":9,"ok":true,"payload":{"n":2}}',
  );
  assert.equal(
    fsErrorFrame(7, new FsError(Errno.ENOENT, "file not found")),
    '{"channel":"acheron","type":"acheron.err_fs","tag":7,"ok":false,"error":{"errno":2,"message":"file not found"}}',
  );
  assert.equal(
    fsErrorFrame(undefined, new FsError(Errno.EINVAL, "InvalidEnvelope")),
    '{"channel":"acheron","type":"acheron.err_fs","ok":false,"error":{"errno":22,"message":"InvalidEnvelope"}}',
  );
  assert.equal(
    fsInvalidationFrame((1n << 53n) + 1n, "data", 1_772_200_000_000_000_001n),
    '{"channel":"acheron","type":"acheron.e_fs_inval","payload":{"node":9007199254740993,"what":"data","gen":1772200000000000001}}',
  );
  assert.equal(
    fsDirectoryInvalidationFrame(281474976710658n),
    '{"channel":"acheron","type":"acheron.e_fs_inval_dir","payload":{"dir":281474976710658}}',
  );
});

Deno.test("parseFsReply() reads a reply without losing a digit and drops what it does not know", () => {
  const id = (33n << 48n) | 1n;
  const attr = { id, k: 1, m: 33188, n: 1, u: 0, g: 0, sz: 5, at: -1, mt: 1_772_200_000_000_000_001n, ct: 0, gen: 3 };
  const frame = parseFsFrame(fsReplyFrame("fs_lookup", 1, { attr: { ...attr, colour: "red" } }));
  assert.deepEqual(parseFsReply(frame, fsReplies.lookup), { attr: { ...attr, at: -1n, ct: 0n, gen: 3n } });
});

Deno.test("parseFsReply() throws what the node refused with, and EIO for what breaks the protocol", () => {
  const refused = (error: unknown) =>
    refusal(() =>
      parseFsReply(
        parseFsFrame(stringifyJson({ channel: "acheron", type: "acheron.err_fs", tag: 1, ok: false, error })),
        fsReplies.done,
      )
    );
  assert.equal(refused({ errno: 30, message: "export is read-only" }), "30 export is read-only");
  assert.equal(refused({ no: 2, msg: "file not found" }), "2 file not found");
  assert.equal(refused({ errno: 40, message: "loop" }), "5 loop (error number 40)");
  assert.equal(refused({ errno: { toString: 1 } }), "5 refused without a reason");
  assert.equal(refused(undefined), "5 refused without a reason");
  for (const attr of [undefined, {}, { id: -1, k: 1 }, { id: 1, k: 4 }, { id: 1, k: 1, mt: 0.5 }]) {
    const frame = parseFsFrame(fsReplyFrame("fs_lookup", 1, { attr }));
    assert.match(refusal(() => parseFsReply(frame, fsReplies.lookup)), /^5 InvalidReply: acheron.r_fs_lookup attr/);
  }
});

Deno.test("parseFsNews() reads both kinds of news and nothing else", () => {
  assert.deepEqual(parseFsNews(parseFsFrame(fsInvalidationFrame(7n, "attr", 3n))), { node: 7n, what: "attr" });
  assert.deepEqual(parseFsNews(parseFsFrame(fsDirectoryInvalidationFrame(7n))), { directory: 7n });
  assert.equal(parseFsNews(parseFsFrame(fsReplyFrame("fs_close", 1, {}))), undefined);
  assert.equal(parseFsNews(parseFsFrame('{"channel":"acheron","type":"acheron.e_fs_inval"}')), undefined);
});

Deno.test("parseFsHello() names what keeps a hello from being one", () => {
  const good = { protocol: "unified-v2-fs", proto: 2 };
  assert.deepEqual(parseFsHello(good), { ...good, subscribe_invalidations: false, news_on_demand: false, walk: false });
  const cases: readonly [unknown, string][] = [
    [null, "InvalidPayload"],
    [{}, "MissingField"],
    [{ protocol: "unified-v2-fs" }, "MissingField"],
    [{ ...good, proto: "2" }, "InvalidType"],
    [{ ...good, proto: 3 }, "ProtocolMismatch"],
    [{ ...good, protocol: "unified-v1-fs" }, "ProtocolMismatch"],
    [{ ...good, auth_token: 1 }, "InvalidType: auth_token"],
    [{ ...good, subscribe_invalidations: "yes" }, "InvalidType: subscribe_invalidations"],
  ];
  for (const [payload, message] of cases) {
    assert.match(refusal(() => parseFsHello(payload)), new RegExp(`^22 ${message}`), stringifyJson(payload));
  }
});
