import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { ManualClock } from "../../drivers/process/manual_clock.ts";
import { FsTokens } from "../pairing/fs_tokens.ts";
import { addNode } from "../pairing/nodes.ts";
import { emptyPolicy } from "../policy/access_policy.ts";
import type { Actor } from "../policy/rights.ts";
import type { Member } from "../protocol/trust.ts";
import { memoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";
import { fsOperations } from "../protocol/fs_requests.ts";
import { ClientPeer } from "./client_peer.ts";
import { operations, serverOperations } from "./client_request.ts";
import type { RelayAccess } from "./node_peer.ts";
import { type NodeSocket, type Tunnel, TunnelRegistry } from "./tunnels.ts";

type Frame = Record<string, unknown>;

/** A socket that keeps what it is given. */
class Wire implements NodeSocket {
  readonly texts: string[] = [];
  closedWith = "";
  bufferedBytes = 0;
  readonly #unflushed: (() => void)[] = [];

  sendText(text: string): void {
    this.texts.push(text);
  }

  whenFlushed(action: () => void): void {
    this.#unflushed.push(action);
  }

  /** All that was sent has left. */
  flush(): void {
    for (const action of this.#unflushed.splice(0)) action();
  }

  close(code: number, reason: string): void {
    this.closedWith = `${code} ${reason}`;
  }

  trustAsNode(): void {}
  belongTo(): void {}

  get last(): Frame {
    return JSON.parse(this.texts.at(-1) ?? "null") as Frame;
  }
}

const admin: Member = { role: "admin", name: "a", token_id: "t-a", scopes: [], project_id: null, actions: null };
const bob: Member = { ...admin, role: "user", name: "bob", token_id: "t-b" };

/** A relay with one node whose answers the test writes. */
class Relay {
  readonly clock = new ManualClock();
  readonly store: Store = memoryStore({ epoch: "e" });
  readonly tunnels = new TunnelRegistry(this.clock);
  readonly notes: RelayAccess[] = [];
  node = new Wire();
  tunnel: Tunnel;
  #tag = 0;

  private constructor() {
    this.tunnel = this.tunnels.open("node-1", this.node);
  }

  static async open(): Promise<Relay> {
    const relay = new Relay();
    await relay.store.transact((tx) => {
      addNode(tx, "node-1", { node_name: "edge", fs_url: "", lease_ttl_ms: 60_000 }, randomBytes, 0);
      tx.put("project", "proj-1", {
        ...{ project_id: "proj-1", name: "Demo", vision: "", status: "active", kind: "normal", creator_id: null },
        ...{ token_hash: null, is_locked: false, created_at_ms: 0, updated_at_ms: 0 },
        access_policy: { ...emptyPolicy, actions: { read: "open", observe: "open", invoke: "open" } },
        mounts: [{ node_id: "node-1", export_name: "work", mount_path: "/src" }],
      });
    });
    return relay;
  }

  /** A client that has said hello. */
  client(
    actor: Actor,
    hello: Frame = { protocol: "unified-v2-fs", proto: 2, project_id: "proj-1" },
  ): { peer: ClientPeer; wire: Wire } {
    const wire = new Wire();
    const { store, tunnels, clock } = this;
    const fsTokens = new FsTokens(clock, randomBytes);
    const peer = new ClientPeer(
      { store, tunnels, clock, fsTokens, note: (access) => this.notes.push(access) },
      wire,
      "node-1",
      actor,
    );
    const sent = this.node.texts.length;
    this.ask(peer, "fs_hello", { payload: hello });
    if (this.node.texts.length > sent) this.answer({});
    return { peer, wire };
  }

  /** Sends a request of a client. */
  ask(peer: ClientPeer, op: string, members: Frame = {}): void {
    const frame = { channel: "acheron", type: `acheron.t_${op}`, tag: ++this.#tag, payload: {}, ...members };
    void peer.receive(JSON.stringify(frame));
  }

  /** Answers the last request that reached the node, or the one with that tag. */
  answer(payload: Frame, tag: unknown = this.node.last["tag"]): void {
    this.tunnel.receive(JSON.stringify({ channel: "acheron", type: "acheron.r_x", tag, ok: true, payload }));
  }

  /** Shows a client the two folders of the node. */
  shown(peer: ClientPeer): void {
    this.ask(peer, "fs_exports");
    this.answer({ exports: [{ name: "work", root: 10 }, { name: "home", root: 20 }] });
  }
}

const errno = (wire: Wire) => Object(wire.last["error"]).errno;

Deno.test("a user's request never reaches the node for a file that it was not shown", async () => {
  const relay = await Relay.open();
  const { peer, wire } = relay.client(bob);
  relay.shown(peer);
  assert.deepEqual(Object(wire.last["payload"]).exports, [{ name: "work", root: 10, desc: "" }]);
  const sent = relay.node.texts.length;
  relay.ask(peer, "fs_getattr", { node: 20 });
  assert.equal(errno(wire), 2);
  relay.ask(peer, "fs_read", { h: 1 });
  assert.equal(errno(wire), 9);
  relay.ask(peer, "fs_format", { node: 10 });
  assert.equal(errno(wire), 22);
  void peer.receive('{"channel":"acheron","type":"acheron.t_fs_getattr","tag":9,"node":10,"node":20}');
  assert.equal(errno(wire), 22);
  assert.equal(relay.node.texts.length, sent);
});

Deno.test("what a user sends reaches the node as the relay has read it", async () => {
  const relay = await Relay.open();
  const { peer } = relay.client(bob);
  relay.shown(peer);
  void peer.receive('{"channel":"acheron","type":"acheron.t_fs_getattr","t\\u0061g":9, "n\\u006fde":10}');
  assert.deepEqual(Object.keys(relay.node.last), ["channel", "type", "tag", "node", "as"]);
});

Deno.test("the node is told for whom a user's request is, whatever the user says; for an admin nothing is said", async () => {
  const relay = await Relay.open();
  const [user, operator] = [relay.client(bob), relay.client(admin)];
  relay.shown(user.peer);
  relay.ask(user.peer, "fs_getattr", { node: 10, as: { role: "admin", token: "right" } });
  assert.deepEqual(relay.node.last["as"], { role: "user", token: "none" });
  relay.ask(operator.peer, "fs_getattr", { node: 10 });
  assert.equal(relay.node.last["as"], undefined);
});

Deno.test("numbers of an earlier tunnel stand for nothing on the next", async () => {
  const relay = await Relay.open();
  const { peer, wire } = relay.client(bob);
  relay.shown(peer);
  relay.ask(peer, "fs_getattr", { node: 10 });
  relay.answer({});
  assert.equal(wire.last["ok"], true);
  relay.node = new Wire();
  relay.tunnel = relay.tunnels.open("node-1", relay.node);
  relay.ask(peer, "fs_getattr", { node: 10 });
  assert.equal(errno(wire), 2);
});

Deno.test("the files that a client leaves open are closed on the node, also one that opens after it left", async () => {
  const relay = await Relay.open();
  const { peer } = relay.client(admin);
  for (const h of [7, 8]) {
    relay.ask(peer, "fs_open", { node: 11 });
    relay.answer({ h });
  }
  relay.ask(peer, "fs_close", { h: 8 });
  relay.answer({});
  relay.ask(peer, "fs_open", { node: 12 });
  const late = relay.node.last["tag"];
  peer.closed();
  const closings = () =>
    relay.node.texts.map((text) => JSON.parse(text)).filter(({ type }) => type.endsWith("fs_close"));
  assert.deepEqual(closings().map(({ h }) => h), [8, 7]);
  relay.answer({ h: 9 }, late);
  assert.deepEqual(closings().map(({ h }) => h), [8, 7, 9]);
});

Deno.test("a client has 64 requests on the way, the next wait, and too many are refused; others are not held up", async () => {
  const relay = await Relay.open();
  const { peer, wire } = relay.client(admin);
  const other = relay.client(admin);
  const before = relay.node.texts.length;
  for (let n = 0; n < 64 + 1_024; n++) relay.ask(peer, "fs_getattr", { node: 10 });
  assert.equal(relay.node.texts.length - before, 64);
  relay.ask(peer, "fs_getattr", { node: 10 });
  assert.equal(errno(wire), 11);
  relay.ask(other.peer, "fs_getattr", { node: 10 });
  relay.answer({});
  assert.equal(other.wire.last["ok"], true);
  for (const text of relay.node.texts.slice(before, before + 64)) relay.answer({}, JSON.parse(text).tag);
  assert.equal(relay.node.texts.length - before, 64 + 1 + 64);
  // What was never sent waits no longer than what was.
  relay.clock.advance(45_000);
  assert.equal(errno(wire), 5);
  assert.equal(wire.texts.length, 1 + 1 + 64 + 1_024);
});

Deno.test("a client has four long writes in the socket of a slow node, whatever it asks for; others are not held up", async () => {
  const relay = await Relay.open();
  const { peer, wire } = relay.client(admin);
  const other = relay.client(admin);
  relay.ask(peer, "fs_open", { node: 10 });
  relay.answer({ h: 5 });
  const before = relay.node.texts.length;
  const sent = () => relay.node.texts.length - before;
  const write = () => relay.ask(peer, "fs_write", { h: 5, payload: { data_b64: "A".repeat(1_398_104) } });
  for (let n = 0; n < 4; n++) write();
  assert.equal(sent(), 4);
  write();
  // What is short waits behind what is long, of the same client.
  relay.ask(peer, "fs_getattr", { node: 10 });
  assert.equal(sent(), 4);
  relay.ask(other.peer, "fs_getattr", { node: 10 });
  assert.equal(sent(), 5);
  relay.answer({ attr: { id: 10, k: 2 } });
  assert.equal(other.wire.last["ok"], true);
  relay.node.flush();
  assert.equal(sent(), 7);
  assert.deepEqual(relay.node.texts.slice(-2).map((text) => JSON.parse(text).type), [
    "acheron.t_fs_write",
    "acheron.t_fs_getattr",
  ]);
  // What waits is limited by its size: 24 Mi characters.
  for (let n = 0; n < 3 + 17; n++) write();
  assert.equal(sent(), 10);
  const answered = wire.texts.length;
  write();
  assert.equal(wire.texts.length, answered + 1);
  assert.equal(errno(wire), 11);
  // Answers make no room in the socket: they say nothing of what stands in it.
  relay.answer({ n: 1_048_576 });
  assert.equal(sent(), 10);
  relay.node.flush();
  assert.equal(sent(), 14);
  // Whoever leaves takes with it what waits.
  peer.closed();
  relay.node.flush();
  const writes = relay.node.texts.slice(before).filter((text) => JSON.parse(text).type.endsWith("write"));
  assert.equal(writes.length, 4 + 4 + 4);
});

Deno.test("a client that does not read is dropped, and a node that does not is not sent more", async () => {
  const relay = await Relay.open();
  const { peer, wire } = relay.client(admin);
  relay.ask(peer, "fs_getattr", { node: 10 });
  wire.bufferedBytes = 40_000_000;
  relay.answer({});
  assert.match(wire.closedWith, /^1013 /);
  relay.node.bufferedBytes = 40_000_000;
  const other = relay.client(admin);
  assert.equal(errno(other.wire), 11);
});

Deno.test("a frame that no schema of ours covers is refused, and the connection goes on", async () => {
  const relay = await Relay.open();
  const { peer, wire } = relay.client(bob);
  relay.shown(peer);
  const before = relay.node.texts.length;
  const strange = { toString: 1 };
  for (
    const frame of [
      { type: "acheron.t_fs_lookup", node: 10, payload: { name: strange } },
      { type: "acheron.t_fs_rename", payload: { old_parent: 10, old_name: strange, new_parent: 10, new_name: "a" } },
      { type: strange },
      { type: "acheron.t_constructor" },
      { type: "acheron.t_fs_hello", payload: null },
    ]
  ) {
    const sent = wire.texts.length;
    await peer.receive(JSON.stringify({ channel: "acheron", tag: 3, ...frame }));
    if (frame.type !== "acheron.t_fs_hello") assert.deepEqual([wire.texts.length - sent, errno(wire)], [1, 22]);
  }
  assert.equal(relay.node.texts.length, before + 1);
});

Deno.test("nobody looks as the primary agent, or from within a project that it may not read", async () => {
  const relay = await Relay.open();
  await relay.store.transact((tx) => {
    const project = tx.get("project", "proj-1");
    assert.ok(project);
    tx.put("project", "proj-2", { ...project, project_id: "proj-2", access_policy: emptyPolicy });
  });
  const protocol = { protocol: "unified-v2-fs", proto: 2 };
  const answers: unknown[] = [];
  for (
    const payload of [
      { project_id: "proj-1", agent_id: "mother" },
      { project_id: "system" },
      { project_id: "proj-2" },
      { project_id: "proj-9" },
    ]
  ) {
    const { wire } = relay.client(bob, { ...protocol, ...payload });
    answers.push(wire.last["error"]);
  }
  assert.equal(new Set(answers.map((error) => JSON.stringify(error))).size, 1);
  assert.equal(Object(answers[0]).errno, 2);
});

Deno.test("each invoke is written down, also through a number that the client did not get here", async () => {
  const relay = await Relay.open();
  const { peer, wire } = relay.client(admin);
  relay.ask(peer, "fs_open", { node: 77, payload: { flags: 1 } });
  relay.answer({ h: 5 });
  for (const callId of ["c-1", "c-2"]) {
    relay.ask(peer, "fs_write", { h: 5, payload: { data_b64: "e30=" } });
    relay.answer({ n: 2, call_id: callId });
  }
  // An escaped name in a frame that is too large to be read whole.
  await peer.receive(
    `{"channel":"acheron","type":"acheron.t_fs_write","tag":9,"\\u0068":5,"payload":{"data_b64":"${
      "e30=".repeat(20_000)
    }"}}`,
  );
  relay.answer({ n: 2, call_id: "c-3" });
  relay.ask(peer, "fs_open", { node: 78, payload: { flags: 1 } });
  relay.answer({ h: 6 });
  for (let n = 0; n < 3; n++) {
    relay.ask(peer, "fs_write", { h: 6, payload: { data_b64: "e30=" } });
    relay.answer({ n: 2 });
  }
  assert.equal(wire.last["ok"], true);
  assert.deepEqual(relay.notes.slice(1).map(({ what, target, correlationId }) => [what, target, correlationId]), [
    ["invoke", "/nodes/node-1/handle 5", "c-1"],
    ["invoke", "/nodes/node-1/handle 5", "c-2"],
    ["invoke", "/nodes/node-1/handle 5", "c-3"],
    ["files", "/nodes/node-1/handle 6", relay.notes.at(-1)?.correlationId],
  ]);
});

Deno.test("an invoke whose answer comes too late is written down with its call, and what it opened is closed", async () => {
  const relay = await Relay.open();
  const { peer, wire } = relay.client(admin);
  relay.ask(peer, "fs_open", { node: 77, payload: { flags: 1 } });
  relay.answer({ h: 5 });
  relay.ask(peer, "fs_write", { h: 5, payload: { data_b64: "e30=" } });
  relay.clock.advance(45_000);
  assert.equal(errno(wire), 5);
  relay.answer({ n: 2, call_id: "c-late" });
  assert.equal(relay.notes.at(-1)?.correlationId, "c-late");
});

Deno.test("a client has 128 files open and no more", async () => {
  const relay = await Relay.open();
  const { peer, wire } = relay.client(admin);
  for (let h = 1; h <= 128; h++) {
    relay.ask(peer, "fs_open", { node: 11 });
    if (h <= 100) relay.answer({ h });
  }
  relay.ask(peer, "fs_open", { node: 11 });
  assert.equal(errno(wire), 11);
  relay.ask(peer, "fs_close", { h: 1 });
  relay.tunnel.receive(
    `{"channel":"acheron","type":"acheron.err_fs","tag":${relay.node.last["tag"]},"ok":false,"error":{"errno":9}}`,
  );
  const before = relay.node.texts.length;
  relay.ask(peer, "fs_open", { node: 11 });
  assert.equal(relay.node.texts.length, before + 1);
});

Deno.test("the connections of one token have 512 files of a node open and no more, and others have theirs", async () => {
  const relay = await Relay.open();
  let h = 0;
  const openMany = (actor: Actor, count: number) => {
    const { peer, wire } = relay.client(actor);
    relay.shown(peer);
    for (let at = 0; at < count; at++) {
      const sent = relay.node.texts.length;
      relay.ask(peer, "fs_open", { node: 10, payload: { flags: 0 } });
      if (relay.node.texts.length > sent) relay.answer({ h: ++h });
    }
    return { peer, wire };
  };
  const peers = [1, 2, 3, 4].map(() => openMany(bob, 128));
  assert.equal(h, 512);
  const late = openMany(bob, 1);
  assert.deepEqual([errno(late.wire), h], [11, 512]);
  openMany({ ...bob, token_id: "t-c" }, 1);
  assert.equal(h, 513);
  peers[0]?.peer.closed();
  relay.ask(late.peer, "fs_open", { node: 10, payload: { flags: 0 } });
  relay.answer({ h: ++h });
  assert.equal(Object(late.wire.last["payload"]).h, 514);
});

Deno.test("what waits is bounded by its size too, and refusals are written down a bounded number of times", async () => {
  const relay = await Relay.open();
  const { peer, wire } = relay.client(admin);
  for (let n = 0; n < 64; n++) relay.ask(peer, "fs_getattr", { node: 10 });
  const long = "x".repeat(1_000_000);
  for (let n = 0; n < 25; n++) relay.ask(peer, "fs_getattr", { node: 10, long });
  assert.notEqual(errno(wire), 11);
  relay.ask(peer, "fs_getattr", { node: 10, long });
  assert.equal(errno(wire), 11);
  const user = relay.client(bob);
  relay.shown(user.peer);
  await relay.store.transact((tx) => {
    const project = tx.get("project", "proj-1");
    assert.ok(project);
    tx.put("project", "proj-1", {
      ...project,
      access_policy: { ...emptyPolicy, actions: { read: "open", observe: "open" } },
    });
  });
  relay.notes.length = 0;
  for (let n = 0; n < 100; n++) relay.ask(user.peer, "fs_mkdir", { node: 10, payload: { name: `d${n}` } });
  assert.deepEqual([errno(user.wire), relay.notes.length], [13, 60]);
});

Deno.test("the relay knows every operation of the file protocol but those that are the server's own", () => {
  for (const name of fsOperations) {
    const op = `fs_${name}`;
    assert.equal(operations[op] !== undefined, !serverOperations.has(op), op);
  }
});

Deno.test("a node that can be told sends news only while a client wants them", async () => {
  const relay = await Relay.open();
  const told = () =>
    relay.node.texts.map((text) => JSON.parse(text)).filter(({ type }) => type === "acheron.t_fs_subscribe")
      .map(({ payload }) => payload.invalidations);
  const hello = { protocol: "unified-v2-fs", proto: 2, subscribe_invalidations: true };
  const one = relay.client(admin, hello);
  assert.deepEqual(told(), [], "one that cannot is told nothing");
  relay.tunnel.askForNewsOnDemand();
  assert.deepEqual(told(), [], "it sends them already, and somebody wants them");
  const other = relay.client(admin, hello);
  one.peer.closed();
  assert.deepEqual(told(), []);
  other.peer.closed();
  const quiet = relay.client(admin, { protocol: "unified-v2-fs", proto: 2 });
  assert.deepEqual(told(), [false]);
  relay.client(admin, hello);
  assert.deepEqual(told(), [false, true]);
  // The next tunnel begins anew, with the clients that are there.
  relay.node = new Wire();
  relay.tunnel = relay.tunnels.open("node-1", relay.node);
  relay.tunnel.askForNewsOnDemand();
  assert.deepEqual(told(), []);
  const sent = relay.node.texts.length;
  relay.ask(quiet.peer, "fs_subscribe", { payload: { invalidations: false } });
  assert.deepEqual([errno(quiet.wire), relay.node.texts.length], [22, sent], "and no client speaks for all");
});

Deno.test("news reaches only those who asked for it and may see the file", async () => {
  const relay = await Relay.open();
  const hello = { protocol: "unified-v2-fs", proto: 2, project_id: "proj-1", subscribe_invalidations: true };
  const wire = new Wire();
  const { store, tunnels, clock } = relay;
  const parts = { store, tunnels, clock, fsTokens: new FsTokens(clock, randomBytes), note: () => {} };
  const peer = new ClientPeer(parts, wire, "node-1", bob);
  relay.ask(peer, "fs_hello", { payload: hello });
  assert.ok(!relay.node.texts.at(-1)?.includes("proj-1"));
  relay.answer({});
  relay.shown(peer);
  const quiet = relay.client(bob);
  const before = [wire.texts.length, quiet.wire.texts.length];
  for (const node of [10, 20]) {
    relay.tunnel.receive(
      `{"channel":"acheron","type":"acheron.e_fs_inval","payload":{"node":${node},"what":"data"}}`,
    );
  }
  assert.deepEqual([wire.texts.length, quiet.wire.texts.length], [Number(before[0]) + 1, before[1]]);
});

Deno.test("a large frame of an admin that cannot be read is refused, and the connection goes on", async () => {
  const relay = await Relay.open();
  const { peer, wire } = relay.client(admin);
  const filler = "x".repeat(70_000);
  await peer.receive(`{"channel":"acheron","type":"acheron.t_fs_write","tag":tru,"payload":"${filler}"}`);
  assert.equal(errno(wire), 22);
  await peer.receive(`{"channel":"acheron","type":"acheron.t_fs_write","payload":"${filler}"}`);
  assert.equal(errno(wire), 22);
  relay.ask(peer, "fs_getattr", { node: 10 });
  relay.answer({});
  assert.equal(wire.last["ok"], true);
});
