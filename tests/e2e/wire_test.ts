/**
 * The wire as a client of the reference sees it, against the real program.
 *
 * @module
 */

import assert from "node:assert/strict";
import { connect } from "node:net";
import process from "node:process";
// @ts-types="@types/ws"
import { WebSocket } from "ws";
import { Scene } from "./program.ts";

/** The compiled binary of an older runtime cannot answer an upgrade with a status; it says so in a frame, as the reference. */
const answersUpgrades = process.env["ZSS_BIN"] === undefined;

/** A client that sends text and reads JSON, in order. */
class WireClient implements AsyncDisposable {
  readonly #ws: WebSocket;
  readonly #frames: Record<string, unknown>[] = [];
  readonly #waiting: ((frame: Record<string, unknown>) => void)[] = [];
  /** Settles with the close code. */
  readonly closed: Promise<number>;

  private constructor(ws: WebSocket) {
    this.#ws = ws;
    this.closed = new Promise((resolve) => ws.on("close", (code) => resolve(code)));
    ws.on("error", () => {});
    ws.on("message", (data) => {
      const frame = JSON.parse(data.toString());
      const next = this.#waiting.shift();
      if (next === undefined) this.#frames.push(frame);
      else next(frame);
    });
  }

  static open(url: string, token?: string): Promise<WireClient> {
    return WireClient.openWith(url, token === undefined ? {} : { Authorization: `Bearer ${token}` });
  }

  static async openWith(url: string, headers: Record<string, string>): Promise<WireClient> {
    const ws = new WebSocket(url, { headers });
    const client = new WireClient(ws);
    await new Promise<void>((resolve, reject) => {
      ws.once("open", () => resolve());
      ws.once("error", reject);
    });
    return client;
  }

  /** Opens and agrees on the protocol. */
  static async ready(url: string, token?: string): Promise<WireClient> {
    const client = await WireClient.open(url, token);
    await client.ask({ channel: "control", type: "control.version", id: "v", payload: { protocol: "unified-v2" } });
    return client;
  }

  send(frame: unknown): void {
    this.#ws.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  sendBinary(bytes: Uint8Array): void {
    this.#ws.send(bytes);
  }

  next(): Promise<Record<string, unknown>> {
    const frame = this.#frames.shift();
    return frame === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(frame);
  }

  async ask(frame: unknown): Promise<Record<string, unknown>> {
    this.send(frame);
    return await this.next();
  }

  /** Runs an operation and returns its payload, or its error. */
  async call(name: string, payload: unknown = {}): Promise<Record<string, unknown>> {
    const answer = await this.ask({ channel: "control", type: `control.${name}`, id: "c", payload });
    return Object(answer["ok"] === true ? answer["payload"] : answer["error"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ws.close();
    await this.closed;
  }
}

/** Sends the head of an upgrade and returns what comes back. */
function upgrade(url: string, path: string, headers: Record<string, string>): Promise<string> {
  const { hostname, port, host } = new URL(url);
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(Number(port), hostname, () => {
      const head = {
        Host: host,
        Upgrade: "WebSocket",
        Connection: "upgrade",
        "Sec-WebSocket-Version": "13",
        ...headers,
      };
      const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`).join("");
      socket.write(`GET ${path} HTTP/1.1\r\n${lines}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`);
    });
    socket.on("data", (chunk) => {
      answer += chunk.toString();
      if (answer.includes(" 101 ")) socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
  });
}

Deno.test("the handshake of the reference gets the documented answers", async () => {
  await using scene = await Scene.open();
  await using admin = await WireClient.open(scene.url, scene.token);
  const version = { channel: "control", type: "control.version", id: "v1", payload: { protocol: "unified-v2" } };
  assert.deepEqual(await admin.ask(version), {
    channel: "control",
    type: "control.version_ack",
    id: "v1",
    ok: true,
    payload: { protocol: "unified-v2", fsrpc_runtime: "acheron-1", fsrpc_node: "unified-v2-fs", fsrpc_node_proto: 2 },
  });
  assert.deepEqual(await admin.ask({ channel: "control", type: "control.connect", id: "c1" }), {
    channel: "control",
    type: "control.connect_ack",
    id: "c1",
    ok: true,
    payload: { agent_id: "mother", session: "main", protocol: "unified-v2", role: "admin" },
  });
  assert.deepEqual(await admin.ask({ channel: "control", type: "control.ping" }), {
    channel: "control",
    type: "control.pong",
    ok: true,
    payload: {},
  });
  await using anonymous = await WireClient.ready(scene.url);
  assert.deepEqual(await anonymous.call("connect"), { protocol: "unified-v2", role: "anonymous" });
});

Deno.test("nothing runs before control.version, and another version ends the connection", async () => {
  await using scene = await Scene.open();
  for (
    const frame of [{ type: "control.ping", payload: {} }, {
      type: "control.version",
      payload: { protocol: "unified-v1" },
    }]
  ) {
    await using client = await WireClient.open(scene.url, scene.token);
    const answer = await client.ask({ channel: "control", id: "x", ...frame });
    assert.equal(Object(answer["error"]).code, "protocol_mismatch");
    assert.equal(await client.closed, 1002);
  }
});

Deno.test("a frame that is no request is refused, with its id where there is one, and the connection goes on", async () => {
  await using scene = await Scene.open();
  await using client = await WireClient.ready(scene.url, scene.token);
  const cases: readonly (readonly [string, string, string | undefined])[] = [
    ["{", "invalid_envelope", undefined],
    ["[]", "invalid_envelope", undefined],
    ['{"channel":"control","id":"a"}', "invalid_envelope", "a"],
    ['{"type":"control.ping","id":"a"}', "invalid_envelope", "a"],
    ['{"channel":"acheron","type":"control.ping","id":"a"}', "invalid_envelope", "a"],
    ['{"channel":"control","type":"control.no_such","id":"a"}', "invalid_envelope", "a"],
    ['{"channel":"control","type":"control.ping","id":7}', "invalid_envelope", undefined],
    ['{"channel":"control","type":"control.ping","id":"a","id":"b"}', "invalid_envelope", undefined],
    ['{"channel":"control","type":"control.ping","payload":{"__proto__":1}}', "invalid_envelope", undefined],
    [`{"channel":"control","type":"control.ping","payload":${"[".repeat(10_000)}}`, "invalid_envelope", undefined],
    ['{"channel":"control","type":"control.node_service_event","id":"a"}', "unsupported", "a"],
    ['{"channel":"control","type":"control.node_get","id":"a"}', "missing_field", "a"],
    ['{"channel":"control","type":"control.node_get","id":"a","payload":{"node_id":""}}', "missing_field", "a"],
    ['{"channel":"control","type":"control.node_get","id":"a","payload":{"node_id":"a b"}}', "invalid_payload", "a"],
    ['{"channel":"control","type":"control.node_get","id":"a","payload":{"node_id":"node-9"}}', "node_not_found", "a"],
    ['{"channel":"control","type":"control.node_get","id":"a","payload":[]}', "invalid_payload", "a"],
  ];
  for (const [frame, code, id] of cases) {
    const answer = await client.ask(frame);
    assert.deepEqual([answer["type"], answer["ok"], answer["id"], Object(answer["error"]).code], [
      "control.error",
      false,
      id,
      code,
    ]);
  }
  assert.deepEqual(await client.call("ping"), {});
});

Deno.test("a frame above 1 MiB closes an unproved connection with 1009, a node may send more", async () => {
  await using scene = await Scene.open();
  const large = `{"channel":"control","type":"control.ping","payload":{"x":"${"x".repeat(1_200_000)}"}}`;
  await using stranger = await WireClient.ready(scene.url);
  stranger.send(large);
  assert.equal(await stranger.closed, 1009);
  await using admin = await WireClient.ready(scene.url, scene.token);
  const { invite_token } = await admin.call("node_invite_create");
  await using node = await WireClient.ready(scene.url);
  assert.equal((await node.call("node_join", { invite_token }))["node_id"], "node-1");
  assert.equal((await node.ask(large))["type"], "control.pong");
});

Deno.test("a binary frame closes the connection with 1003", async () => {
  await using scene = await Scene.open();
  await using client = await WireClient.ready(scene.url, scene.token);
  client.sendBinary(new Uint8Array([1, 2, 3]));
  assert.equal(await client.closed, 1003);
});

Deno.test("an upgrade with a wrong token, a foreign Origin or another path is refused before it is answered", async () => {
  await using scene = await Scene.open();
  const { host } = new URL(scene.url);
  const cases: readonly (readonly [string, Record<string, string>, number, string])[] = [
    ["/", { Authorization: "Bearer sw-admin_wrong" }, 401, "provider_auth_failed"],
    ["/v2/node", { Authorization: "Bearer sw-admin_wrong" }, 401, "provider_auth_failed"],
    ["/", { Origin: "https://elsewhere.example" }, 403, "forbidden"],
    ["/", { Origin: "null" }, 403, "forbidden"],
    ["/v1/agents/x/stream", {}, 404, "invalid_envelope"],
    ["/v2/fs/node/a:b", {}, 404, "invalid_envelope"],
  ];
  for (const [path, headers, status, code] of cases) {
    if (!answersUpgrades) {
      await using client = await WireClient.openWith(scene.url + path, headers);
      assert.equal((await client.next())["code"], code);
      assert.equal(await client.closed, 1008);
      continue;
    }
    const answer = await upgrade(scene.url, path, headers);
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
    const body = JSON.parse(answer.split("\r\n\r\n")[1] ?? "");
    assert.deepEqual([body.type, body.request, body.code], ["error", "unknown", code]);
  }
  assert.match(await upgrade(scene.url, "/", { Origin: `http://${host}` }), /^HTTP\/1.1 101/);
  const plain = await fetch(scene.url.replace("ws:", "http:"), { headers: { Authorization: "Bearer sw-admin_wrong" } });
  assert.deepEqual([plain.status, (await plain.json()).message], [401, "forbidden"]);
});

Deno.test("GET /livez and /readyz answer without a token", async () => {
  await using scene = await Scene.open();
  const base = scene.url.replace("ws:", "http:");
  for (const [path, text] of [["/livez", "ok\n"], ["/readyz", "ready\n"]]) {
    const response = await fetch(base + path);
    assert.deepEqual([response.status, await response.text()], [200, text]);
  }
});

Deno.test("an upsert is all or nothing, tells its delta, and makes an event only when something changed", async () => {
  await using scene = await Scene.open();
  await using admin = await WireClient.ready(scene.url, scene.token);
  const { invite_token } = await admin.call("node_invite_create");
  await using node = await WireClient.ready(scene.url);
  const { node_id, node_secret } = await node.call("node_join", { invite_token, node_name: "svc-node" });
  const ack = await admin.call("node_service_watch", { replay_limit: 999 });
  assert.match(String(ack["epoch"]), /^[0-9a-f]{16}$/);
  assert.deepEqual({ ...ack, epoch: "" }, {
    enabled: true,
    replay_limit: 250,
    replayed: 0,
    epoch: "",
    revision: 1,
    oldest_revision: 1,
  });

  const camera = { service_id: "camera", kind: "camera", state: "online", endpoints: ["/nodes/svc-node/camera"] };
  const upsert = (services: unknown, more = {}) =>
    node.call("node_service_upsert", { node_id, node_secret, services, labels: { site: "home" }, ...more });
  const first = await upsert([camera]);
  assert.deepEqual(Object(first["service_delta"]).added.map(Object.keys), [["service_id", "version", "hash"]]);
  const event = await admin.next();
  assert.deepEqual([event["type"], "id" in event], ["control.node_service_event", false]);
  const { revision, ...published } = first;
  assert.equal(revision, 2);
  assert.deepEqual(event["payload"], published);

  const same = await upsert([Object.fromEntries(Object.entries(camera).reverse())]);
  assert.deepEqual([Object(same["service_delta"]).changed, same["revision"], "event" in same], [false, 2, false]);

  const refused = await upsert([camera, { ...camera, service_id: "b", endpoints: ["relative"] }], {
    labels: { site: "other" },
  });
  assert.deepEqual([refused["code"], refused["path"]], ["invalid_payload", "/services/1/endpoints/0"]);
  const twice = await upsert([camera, camera]);
  assert.equal(twice["path"], "/services/1/service_id");
  const held = await admin.call("node_service_get", { node_id });
  assert.deepEqual([held["labels"], held["revision"]], [{ site: "home" }, 2]);

  const wrong = await node.call("node_service_upsert", { node_id, node_secret: "secret-wrong" });
  const nobody = await node.call("node_service_upsert", { node_id: "node-9", node_secret: "secret-wrong" });
  assert.equal(wrong["code"], "node_auth_failed");
  assert.deepEqual(JSON.stringify(nobody).replaceAll("node-9", "node-1"), JSON.stringify(wrong));

  const conflict = await upsert([{ ...camera, version: "2" }], { if_revision: 1 });
  assert.deepEqual([conflict["code"], conflict["path"], conflict["data"]], [
    "revision_conflict",
    "/if_revision",
    { revision: 2 },
  ]);
  await upsert([{ ...camera, version: "2" }], { if_revision: 2 });
  const second = Object((await admin.next())["payload"]);
  assert.equal(second.event.revision, 3);
  assert.deepEqual(second.service_delta.updated[0].changes, [{ path: "/version", from: "1", to: "2" }]);
  assert.deepEqual(await admin.call("node_service_unwatch"), { enabled: false });
});

/** A node that has joined, and its way to publish. */
async function joined(admin: WireClient, lease_ttl_ms = 900_000) {
  const { invite_token } = await admin.call("node_invite_create");
  const { node_id, node_secret } = await admin.call("node_join", { invite_token, lease_ttl_ms });
  const publish = (version: string) =>
    admin.call("node_service_upsert", {
      node_id,
      node_secret,
      services: [{
        service_id: "camera",
        kind: "camera",
        version,
        state: "online",
        endpoints: [`/nodes/${node_id}/camera`],
      }],
    });
  return { node_id: String(node_id), node_secret: String(node_secret), publish };
}

/** What a frame of a watch is, in a few words. */
function told(frame: Record<string, unknown>): string {
  const { event, revision } = Object(frame["payload"]);
  const type = String(frame["type"]).replace("control.node_service_", "");
  return event === undefined
    ? `${type} ${revision}`
    : `${type} ${event.kind} ${event.revision}${event.replay ? " replay" : ""}`;
}

Deno.test("a watch answers first, then replays the last events oldest first, then goes live", async () => {
  await using scene = await Scene.open();
  await using admin = await WireClient.ready(scene.url, scene.token);
  const { publish } = await joined(admin);
  for (const version of ["1", "2", "3"]) await publish(version);
  await using watcher = await WireClient.ready(scene.url, scene.token);
  const ack = await watcher.call("node_service_watch", { replay_limit: 2 });
  assert.deepEqual([ack["replayed"], ack["revision"]], [2, 4]);
  await publish("4");
  const frames = [await watcher.next(), await watcher.next(), await watcher.next()].map(told);
  // One that asks for nothing new sees upserts only, as of the reference.
  assert.deepEqual(frames, ["event upsert 3 replay", "event upsert 4 replay", "event upsert 5"]);
});

Deno.test("a watch resumes from every revision, without gap or duplicate", async () => {
  await using scene = await Scene.open();
  await using admin = await WireClient.ready(scene.url, scene.token);
  const { publish } = await joined(admin);
  for (const version of ["1", "2", "3"]) await publish(version);
  const { epoch } = await admin.call("node_service_get", { node_id: "node-1" }).then(() =>
    admin.call("node_service_watch", { replay_limit: 0 })
  );
  for (let revision = 0; revision <= 4; revision++) {
    await using watcher = await WireClient.ready(scene.url, scene.token);
    const ack = await watcher.call("node_service_watch", { since: { epoch, revision } });
    assert.equal(ack["replayed"], 4 - revision);
    const kinds = ["join", "upsert", "upsert", "upsert"];
    const frames: string[] = [];
    for (let index = 0; index <= 4 - revision; index++) frames.push(told(await watcher.next()));
    const wanted = kinds.flatMap((kind, index) => index >= revision ? [`event ${kind} ${index + 1} replay`] : []);
    assert.deepEqual(frames, [...wanted, "synced 4"]);
  }
  const future = await admin.call("node_service_watch", { since: { epoch, revision: 5 } });
  assert.deepEqual([future["code"], future["data"]], ["future_revision", { revision: 4 }]);
  const other = await admin.call("node_service_watch", { since: { epoch: "0123456789abcdef", revision: 1 } });
  assert.deepEqual([other["code"], other["data"]], ["epoch_changed", { epoch, revision: 4 }]);
});

Deno.test("a watch with snapshot shows every node as it is, then what changes", async () => {
  await using scene = await Scene.open();
  await using admin = await WireClient.ready(scene.url, scene.token);
  const { publish } = await joined(admin);
  await publish("1");
  await joined(admin);
  await using watcher = await WireClient.ready(scene.url, scene.token);
  const ack = await watcher.call("node_service_watch", {
    since: { epoch: "another", revision: 7 },
    snapshot: true,
    detail: "delta",
  });
  assert.equal(ack["replayed"], 0);
  const frames = [await watcher.next(), await watcher.next(), await watcher.next()];
  assert.deepEqual(frames.map(told), ["snapshot upsert 3 replay", "snapshot upsert 3 replay", "synced 3"]);
  assert.deepEqual(Object(frames[0]?.["payload"]).services.length, 1);
  await publish("2");
  assert.equal(told(await watcher.next()), "event upsert 4");
});

Deno.test("a node whose lease runs out is offline with an event, comes back with one, and is deleted with one", async () => {
  await using scene = await Scene.open();
  await using admin = await WireClient.ready(scene.url, scene.token);
  await using watcher = await WireClient.ready(scene.url, scene.token);
  await watcher.call("node_service_watch", { snapshot: true });
  assert.equal(told(await watcher.next()), "synced 0");
  const { node_id, node_secret, publish } = await joined(admin, 300);
  await publish("1");
  assert.deepEqual([await watcher.next(), await watcher.next(), await watcher.next()].map(told), [
    "event join 1",
    "event upsert 2",
    "event offline 3",
  ]);
  const { nodes } = await admin.call("node_list");
  assert.equal(Object(nodes)[0].state, "offline");
  await admin.call("node_lease_refresh", { node_id, node_secret });
  assert.equal(told(await watcher.next()), "event online 4");
  const refused = await admin.call("node_delete", { node_id, node_secret: "secret-wrong" });
  assert.equal(refused["code"], "node_auth_failed");
  assert.deepEqual(await admin.call("node_delete", { node_id }), { node_id, deleted: true, revision: 5 });
  const last = await watcher.next();
  assert.equal(told(last), "event deleted 5");
  assert.deepEqual(Object(last["payload"]).service_delta.removed.map((one: { service_id: string }) => one.service_id), [
    "camera",
  ]);
  assert.equal((await admin.call("node_lease_refresh", { node_id, node_secret }))["code"], "node_auth_failed");
});

Deno.test("a tunnel and a client of it greet with unified-v2-fs, proto 2", async () => {
  await using scene = await Scene.open();
  await using admin = await WireClient.ready(scene.url, scene.token);
  const { invite_token } = await admin.call("node_invite_create");
  const { node_id, node_secret } = await admin.call("node_join", { invite_token });
  const hello = (payload: unknown, tag = 1) => ({ channel: "acheron", type: "acheron.t_fs_hello", tag, payload });
  const protocol = { protocol: "unified-v2-fs", proto: 2 };

  await using tunnel = await WireClient.open(`${scene.url}/v2/node`);
  assert.deepEqual(await tunnel.ask(hello({ ...protocol, node_id, node_secret })), {
    channel: "acheron",
    type: "acheron.r_fs_hello",
    tag: 1,
    ok: true,
    payload: { ...protocol, node_id, lease_generation: 2 },
  });

  await using client = await WireClient.open(`${scene.url}/v2/fs/node/${node_id}?session=a`);
  client.send(hello({ ...protocol, auth_token: node_secret }, 7));
  const relayed = await tunnel.next();
  assert.ok(!JSON.stringify(relayed).includes(String(node_secret)));
  tunnel.send(
    `{"channel":"acheron","type":"acheron.r_fs_hello","tag":${
      relayed["tag"]
    },"ok":true,"payload":{"gen":1772200000000000001}}`,
  );
  assert.equal((await client.next())["tag"], 7);

  const described = Object((await admin.call("node_get", { node_id }))["node"]);
  await using guest = await WireClient.open(`${scene.url}/v2/fs/node/${node_id}`);
  guest.send(hello({ ...protocol, auth_token: described.fs_auth_token }, 8));
  const second = await tunnel.next();
  assert.ok(!JSON.stringify(second).includes(described.fs_auth_token));
  tunnel.send(`{"channel":"acheron","type":"acheron.r_fs_hello","tag":${second["tag"]},"ok":true,"payload":{}}`);
  assert.equal((await guest.next())["tag"], 8);

  const refusals: readonly (readonly [string, unknown, number, RegExp])[] = [
    ["/v2/node", { ...protocol, node_id, node_secret: "secret-wrong" }, 13, /^NodeAuthFailed/],
    ["/v2/node", { ...protocol, node_id: "node-9", node_secret: "secret-wrong" }, 13, /^NodeAuthFailed/],
    ["/v2/node", { ...protocol, node_id }, 22, /^MissingField/],
    ["/v2/node", { protocol: "unified-v2-fs", proto: 1, node_id, node_secret }, 22, /^ProtocolMismatch/],
    [`/v2/fs/node/${node_id}`, protocol, 13, /^Auth/],
    [`/v2/fs/node/${node_id}`, { ...protocol, auth_token: "secret-wrong" }, 13, /^NodeAuthFailed/],
  ];
  for (const [path, payload, errno, message] of refusals) {
    await using refused = await WireClient.open(scene.url + path);
    const answer = await refused.ask(hello(payload, 3));
    assert.deepEqual([answer["type"], answer["tag"], Object(answer["error"]).errno], ["acheron.err_fs", 3, errno]);
    assert.match(Object(answer["error"]).message, message);
    await refused.closed;
  }
});
