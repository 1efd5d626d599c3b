import assert from "node:assert/strict";
import fc from "fast-check";
import { parsePayload } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import { serviceDescriptor } from "./descriptor.ts";
import { serviceDigest } from "./digest.ts";
import { applyUpsert, emptyCatalog, readServices, upsertRequest } from "./upsert.ts";

const camera = { service_id: "camera", kind: "camera", state: "online", endpoints: ["/nodes/n/camera"] };
const request = (more: Record<string, unknown>) => ({ node_id: "node-1", node_secret: "secret-x", ...more });

function refusal(payload: unknown): string {
  try {
    applyUpsert(emptyCatalog, parsePayload(upsertRequest, payload, "node_service_upsert"));
  } catch (error) {
    if (error instanceof ZssError) return `${error.code} ${error.path}`;
    throw error;
  }
  return "accepted";
}

const refused: readonly (readonly [string, Record<string, unknown>, string])[] = [
  ["no secret", { node_secret: undefined }, "missing_field /node_secret"],
  ["an empty id", { node_id: "" }, "missing_field /node_id"],
  ["an id with a space", { node_id: "a b" }, "invalid_payload /node_id"],
  ["a platform that is no object", { platform: "linux" }, "invalid_payload /platform"],
  ["an empty os", { platform: { os: "" } }, "invalid_payload /platform/os"],
  ["a label that is no string", { labels: { site: 1 } }, "invalid_payload /labels/site"],
  ["services that are no array", { services: {} }, "invalid_payload /services"],
  ["a service without a kind", { services: [{ ...camera, kind: undefined }] }, "invalid_payload /services/0/kind"],
  [
    "a service without endpoints",
    { services: [{ ...camera, endpoints: [] }] },
    "invalid_payload /services/0/endpoints",
  ],
  [
    "a relative endpoint",
    { services: [camera, { ...camera, service_id: "b", endpoints: ["x"] }] },
    "invalid_payload /services/1/endpoints/0",
  ],
  [
    "capabilities that are null",
    { services: [{ ...camera, capabilities: null }] },
    "invalid_payload /services/0/capabilities",
  ],
  [
    "a mount without an id",
    { services: [{ ...camera, mounts: [{ mount_path: "/a" }] }] },
    "invalid_payload /services/0/mounts/0/mount_id",
  ],
  [
    "a relative mount",
    { services: [{ ...camera, mounts: [{ mount_id: "m", mount_path: "a" }] }] },
    "invalid_payload /services/0/mounts/0/mount_path",
  ],
  ["an empty help", { services: [{ ...camera, help_md: "" }] }, "invalid_payload /services/0/help_md"],
  [
    "a help of more than 64 KiB",
    { services: [{ ...camera, help_md: "ü".repeat(40_000) }] },
    "invalid_payload /services/0/help_md",
  ],
  ["an id that is taken", { services: [camera, camera] }, "invalid_payload /services/1/service_id"],
  ["more services than are allowed", {
    services: Array.from({ length: 1025 }, (_, i) => ({ ...camera, service_id: `s${i}` })),
  }, "invalid_payload /services"],
];
for (const [what, more, says] of refused) {
  Deno.test(`upsertRequest refuses ${what} and names the place`, () => assert.equal(refusal(request(more)), says));
}

Deno.test("serviceDescriptor fills in version, states and empty objects, and drops what it does not know", () => {
  const parsed = serviceDescriptor.parse({
    ...camera,
    version: 7,
    extra: 1,
    mounts: [{ mount_id: "m", mount_path: "/m", note: "kept" }],
  });
  assert.deepEqual(parsed, {
    ...camera,
    version: "1",
    capabilities: {},
    mounts: [{ mount_id: "m", mount_path: "/m", note: "kept", state: "online" }],
    ops: {},
    runtime: {},
    permissions: {},
    schema: {},
  });
});

Deno.test("serviceDigest() is 0x and 16 digits, and does not depend on the order of keys", () => {
  const one = serviceDescriptor.parse({ ...camera, capabilities: { a: 1, b: { c: 2, d: 3 } } });
  const other = serviceDescriptor.parse({
    capabilities: { b: { d: 3, c: 2 }, a: 1 },
    ...Object.fromEntries(Object.entries(camera).reverse()),
  });
  assert.match(serviceDigest(one), /^0x[0-9a-f]{16}$/);
  assert.equal(serviceDigest(one), serviceDigest(other));
  assert.notEqual(serviceDigest(one), serviceDigest(serviceDescriptor.parse({ ...camera, version: "2" })));
});

Deno.test("applyUpsert() merges the platform, replaces labels and services, and keeps what is absent", () => {
  const parse = (more: Record<string, unknown>) => upsertRequest.parse(request(more));
  const first = applyUpsert(emptyCatalog, parse({ platform: { os: "linux" }, labels: { a: "1" }, services: [camera] }));
  assert.deepEqual(first.platform, { os: "linux", arch: "unknown", runtime_kind: "unknown" });
  const second = applyUpsert(first, parse({ platform: { arch: "x86_64" }, labels: { b: "2" } }));
  assert.deepEqual([second.platform.os, second.platform.arch, second.labels], ["linux", "x86_64", { b: "2" }]);
  assert.equal(second.services, first.services);
  assert.deepEqual(applyUpsert(second, parse({ services: [] })).services, []);
});

Deno.test("readServices() keeps the entries held that are published again, with or without their defaults", () => {
  const [held] = readServices([], [camera]);
  assert.ok(held !== undefined);
  assert.equal(readServices([held], [camera])[0], held);
  assert.equal(readServices([held], [structuredClone(held)])[0], held);
  const changed = readServices([held], [{ ...camera, version: "2" }]);
  assert.notEqual(changed[0], held);
  assert.equal(changed[0]?.version, "2");
});

Deno.test("readServices() of what it has read gives the same, so that an entry held need not be read again", () => {
  const mount = fc.record({ mount_id: fc.constant("m"), mount_path: fc.constant("/m"), state: fc.string() }, {
    requiredKeys: ["mount_id", "mount_path"],
  });
  const entry = fc.record({
    service_id: fc.constantFrom("a", "b"),
    kind: fc.constant("camera"),
    version: fc.oneof(fc.constant("1.2"), fc.integer()),
    state: fc.constantFrom("online", "degraded"),
    endpoints: fc.constant(["/e"]),
    capabilities: fc.dictionary(fc.string(), fc.jsonValue()),
    mounts: fc.array(mount, { maxLength: 2 }),
    help_md: fc.string({ minLength: 1 }),
    unknown: fc.jsonValue(),
  }, { requiredKeys: ["service_id", "kind", "state", "endpoints"] });
  const sent = (value: unknown): unknown[] => JSON.parse(JSON.stringify([value]));
  fc.assert(fc.property(entry, (published) => {
    const once = readServices([], sent(published));
    assert.deepEqual(readServices([], sent(once[0])), once);
  }));
});
