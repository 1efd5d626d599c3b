import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { ManualClock } from "../../drivers/process/mod.ts";
import { serviceDescriptor } from "../catalog/descriptor.ts";
import { memoryStore } from "../store/memory.ts";
import type { NewEvent, Store } from "../store/store.ts";
import { textFrame } from "./frame.ts";
import { entriesOf, EventHub, type WatchRequest, type WatchSocket } from "./hub.ts";

/** Takes frames apart again; unmasked, final text frames only. */
function texts(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes);
  const found: string[] = [];
  for (let at = 0; at < buffer.length;) {
    assert.equal(buffer[at], 0x81);
    const short = buffer[at + 1] ?? 0;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length = short < 126
      ? short
      : short === 126
      ? buffer.readUInt16BE(at + 2)
      : Number(buffer.readBigUInt64BE(at + 2));
    found.push(buffer.toString("utf8", at + head, at + head + length));
    at += head + length;
  }
  return found;
}

/** A socket whose other side reads only when the test says so. */
class FakeSocket implements WatchSocket {
  bufferedBytes = 0;
  isOpen = true;
  readonly writes: Uint8Array[] = [];
  readonly said: string[] = [];
  closedWith: readonly [number, string] | undefined;
  #waiting: (() => void)[] = [];
  #keeps: boolean;

  constructor(keeps = false) {
    this.#keeps = keeps;
  }

  sendFrames(frames: Uint8Array): void {
    this.writes.push(frames);
    if (this.#keeps) this.bufferedBytes += frames.length;
  }

  sendText(text: string): void {
    this.said.push(text);
  }

  whenFlushed(action: () => void): void {
    this.#waiting.push(action);
  }

  close(code: number, reason: string): void {
    this.closedWith = [code, reason];
  }

  /** The other side reads everything. */
  drain(): void {
    this.bufferedBytes = 0;
    for (const action of this.#waiting.splice(0)) action();
  }

  get frames(): { type: string; payload: { event?: { revision: number; replay: boolean }; revision?: number } }[] {
    return this.writes.flatMap(texts).map((text) => JSON.parse(text));
  }

  get revisions(): number[] {
    return this.frames.flatMap(({ type, payload }) =>
      type === "control.node_service_event" ? [payload.event?.revision ?? NaN] : []
    );
  }
}

const event = (node_id = "node-1", size = 0): NewEvent => ({
  kind: "upsert",
  node_id,
  timestamp_ms: 9,
  payload: { node_id, help: "x".repeat(size) },
});

interface Stage {
  readonly store: Store;
  readonly hub: EventHub;
  readonly clock: ManualClock;
}

function stage(maxEvents = 10_000, maxBufferedBytes = 4_194_304): Stage {
  const store = memoryStore({ epoch: "e", history: { maxEvents } });
  const clock = new ManualClock();
  const hub = new EventHub({ store, clock, maxBufferedBytes });
  store.onCommit((events) => hub.publish(events));
  return { store, hub, clock };
}

function watch({ store, hub }: Stage, socket: WatchSocket, request: Partial<WatchRequest> = {}): void {
  const until = store.revision;
  hub.subscribe(socket, {
    wants: () => true,
    detail: "full",
    isExtended: false,
    bookmarks: false,
    from: until,
    until,
    ...request,
  })();
}

const commit = ({ store }: Stage, ...events: NewEvent[]) =>
  Promise.all(events.map((one) => store.transact((tx) => tx.append(one))));

Deno.test("textFrame() writes the three forms of length", () => {
  for (const length of [0, 1, 125, 126, 65_535, 65_536]) {
    const text = "x".repeat(length);
    assert.deepEqual(texts(textFrame(text)), [text]);
  }
  assert.deepEqual(texts(textFrame("grüße 😀")), ["grüße 😀"]);
});

Deno.test("EventHub writes the events of one commit at once, in order", async () => {
  const scene = stage();
  const socket = new FakeSocket();
  watch(scene, socket);
  await commit(scene, event(), event(), event());
  assert.equal(socket.writes.length, 1);
  assert.deepEqual(socket.revisions, [1, 2, 3]);
  const [frame = ""] = texts(socket.writes[0] ?? new Uint8Array());
  assert.deepEqual(JSON.parse(frame), {
    channel: "control",
    type: "control.node_service_event",
    ok: true,
    payload: {
      node_id: "node-1",
      help: "",
      event: { epoch: "e", revision: 1, kind: "upsert", timestamp_ms: 9, replay: false },
    },
  });
});

Deno.test("EventHub sends a watcher what it may see, and replaces a watch by the next one", async () => {
  const scene = stage();
  const socket = new FakeSocket();
  watch(scene, socket, { wants: ({ node_id }) => node_id === "node-2" });
  await commit(scene, event("node-1"), event("node-2"));
  assert.deepEqual(socket.revisions, [2]);
  watch(scene, socket);
  await commit(scene, event("node-1"));
  assert.deepEqual(socket.revisions, [2, 3]);
  scene.hub.unsubscribe(socket);
  await commit(scene, event());
  assert.deepEqual([socket.revisions, scene.hub.size], [[2, 3], 0]);
});

Deno.test("EventHub replays, says synced, and goes on live without a gap", async () => {
  const scene = stage();
  await commit(scene, event(), event(), event());
  const socket = new FakeSocket();
  const begin = scene.hub.subscribe(socket, {
    wants: () => true,
    detail: "full",
    isExtended: true,
    bookmarks: false,
    from: 1,
    until: 3,
  });
  // An event between the request and its answer is live, and comes behind the marker.
  await commit(scene, event());
  assert.deepEqual(socket.writes, []);
  begin();
  await commit(scene, event());
  const seen = socket.frames.map(({ type, payload }) =>
    `${type.replace("control.node_service_", "")} ${payload.event?.revision ?? payload.revision} ${
      payload.event?.replay ?? ""
    }`
      .trim()
  );
  assert.deepEqual(seen, ["event 2 true", "event 3 true", "synced 3", "event 4 false", "event 5 false"]);
});

Deno.test("EventHub sends bookmarks while nothing else comes, and only to those who asked", async () => {
  const scene = stage();
  const [asked, silent] = [new FakeSocket(), new FakeSocket()];
  watch(scene, asked, { bookmarks: true, isExtended: true, wants: ({ node_id }) => node_id === "node-2" });
  watch(scene, silent);
  await commit(scene, event("node-1"));
  scene.clock.advance(5_000);
  scene.clock.advance(5_000);
  assert.deepEqual(asked.frames.map(({ type, payload }) => [type, payload.revision]), [
    ["control.node_service_synced", 0],
    ["control.node_service_bookmark", 1],
  ]);
  assert.deepEqual(silent.revisions, [1]);
  scene.hub.close();
});

/** A socket whose writes take time, as those to a thousand sockets do. */
class BusySocket extends FakeSocket {
  readonly #clock: ManualClock;
  readonly #tookMs: number;

  constructor(clock: ManualClock, tookMs = 10) {
    super();
    this.#clock = clock;
    this.#tookMs = tookMs;
  }

  override sendFrames(frames: Uint8Array): void {
    super.sendFrames(frames);
    this.#clock.advance(this.#tookMs);
  }
}

Deno.test("EventHub sends single events at once, and lets those of a burst wait a moment for more", async () => {
  const scene = stage();
  const socket = new BusySocket(scene.clock);
  watch(scene, socket);
  for (let sent = 1; sent <= 3; sent++) {
    await commit(scene, event());
    assert.equal(socket.writes.length, sent);
  }
  await commit(scene, event(), event());
  assert.equal(socket.writes.length, 4);
  await commit(scene, event());
  await commit(scene, event());
  const late = new FakeSocket();
  watch(scene, late, { from: 0 });
  assert.equal(socket.writes.length, 4);
  scene.clock.advance(2);
  assert.equal(socket.writes.length, 5);
  assert.deepEqual([socket.revisions, late.revisions], [[1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6, 7]]);
  await commit(scene, event());
  scene.hub.close();
  assert.deepEqual([socket.revisions.at(-1), late.revisions.at(-1)], [8, 8]);
});

Deno.test("EventHub sends no bookmark before the events that it covers", async () => {
  const scene = stage();
  const [busy, quiet] = [new BusySocket(scene.clock, 40), new FakeSocket()];
  watch(scene, quiet, { bookmarks: true, isExtended: true, wants: ({ node_id }) => node_id === "node-2" });
  watch(scene, busy);
  scene.clock.advance(5_000);
  scene.clock.advance(4_959);
  await commit(scene, event(), event());
  await commit(scene, event("node-2"));
  // The third event still waits when it is time for a bookmark.
  assert.deepEqual(quiet.revisions, []);
  scene.clock.advance(1);
  assert.deepEqual(quiet.revisions, [3]);
  assert.ok(!quiet.frames.some(({ type }) => type.endsWith("bookmark")));
  scene.hub.close();
});

Deno.test("EventHub cuts off a watcher that does not read, says where it stood, and serves the others", async () => {
  const scene = stage(10_000, 100);
  const slow = new FakeSocket();
  const quick = new FakeSocket();
  watch(scene, slow);
  watch(scene, quick);
  await commit(scene, event());
  slow.bufferedBytes = 101;
  await commit(scene, event());
  const { error } = JSON.parse(slow.said[0] ?? "");
  assert.deepEqual([error.code, error.data, slow.closedWith], ["slow_consumer", { last_revision: 1 }, [
    1013,
    "slow_consumer",
  ]]);
  assert.deepEqual([slow.revisions, quick.revisions], [[1], [1, 2]]);
});

Deno.test("EventHub sends a long history only as fast as the watcher reads it", async () => {
  const scene = stage();
  for (let index = 0; index < 40; index++) await commit(scene, event("node-1", 100_000));
  const socket = new FakeSocket(true);
  watch(scene, socket, { from: 0 });
  assert.ok(socket.bufferedBytes < 1_000_000, `${socket.bufferedBytes} bytes wait`);
  await commit(scene, event());
  for (let turn = 0; turn < 40; turn++) {
    socket.drain();
    assert.ok(socket.bufferedBytes < 1_000_000, `${socket.bufferedBytes} bytes wait`);
  }
  assert.deepEqual(socket.revisions, Array.from({ length: 41 }, (_, index) => index + 1));
});

Deno.test("EventHub says that history is gone to a watcher that was too slow for its replay", async () => {
  const scene = stage(80);
  const many = Array.from({ length: 80 }, () => event("node-1", 60_000));
  await commit(scene, ...many);
  const socket = new FakeSocket(true);
  watch(scene, socket, { from: 0 });
  await commit(scene, ...many);
  for (let turn = 0; turn < 20; turn++) socket.drain();
  await Promise.resolve();
  const last = JSON.parse(socket.writes.flatMap(texts).at(-1) ?? "");
  assert.deepEqual([last.error.code, last.error.data.oldest_revision, socket.closedWith], ["history_gone", 81, [
    1013,
    "history_gone",
  ]]);
  assert.equal(scene.hub.size, 0);
});

type Step =
  | { readonly do: "commit"; readonly nodes: readonly number[] }
  | { readonly do: "watch"; readonly who: number; readonly from: number; readonly filter: number }
  | { readonly do: "drain"; readonly who: number };

Deno.test("EventHub gives every watcher each event once, in order, whatever the schedule", async () => {
  const nodes = 3;
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({
      do: fc.constant("commit" as const),
      nodes: fc.array(fc.nat(nodes - 1), { minLength: 1, maxLength: 5 }),
    }),
    fc.record({
      do: fc.constant("watch" as const),
      who: fc.nat(4),
      from: fc.nat(40),
      filter: fc.integer({ min: -1, max: nodes - 1 }),
    }),
    fc.record({ do: fc.constant("drain" as const), who: fc.nat(4) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const scene = stage();
      const all: string[] = [];
      const watchers = new Map<number, { socket: FakeSocket; from: number; filter: string | undefined }>();
      for (const one of steps) {
        if (one.do === "commit") {
          all.push(...one.nodes.map(String));
          await commit(scene, ...one.nodes.map((node) => event(String(node), 60_000)));
        } else if (one.do === "watch") {
          const socket = new FakeSocket(true);
          const from = Math.min(one.from, scene.store.revision);
          const filter = one.filter < 0 ? undefined : String(one.filter);
          const earlier = watchers.get(one.who);
          if (earlier !== undefined) scene.hub.unsubscribe(earlier.socket);
          watchers.set(one.who, { socket, from, filter });
          watch(scene, socket, { from, wants: ({ node_id }) => filter === undefined || node_id === filter });
        } else watchers.get(one.who)?.socket.drain();
      }
      for (const { socket, from, filter } of watchers.values()) {
        for (let turn = 0; turn < 100; turn++) socket.drain();
        const wanted = all.flatMap((node, index) => index >= from && (filter ?? node) === node ? [index + 1] : []);
        assert.deepEqual(socket.revisions, wanted);
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("EventHub forgets a watcher that has gone, also in the middle of its replay", async () => {
  const scene = stage();
  for (let index = 0; index < 200; index++) await commit(scene, event("node-1", 20_000));
  const [leaving, live] = [new FakeSocket(true), new FakeSocket()];
  watch(scene, leaving, { from: 0 });
  watch(scene, live);
  const written = leaving.writes.length;
  leaving.isOpen = false;
  leaving.drain();
  assert.deepEqual([leaving.writes.length, scene.hub.size], [written, 1]);
  live.isOpen = false;
  await commit(scene, event());
  assert.deepEqual([live.writes.length, scene.hub.size], [0, 0]);
});

Deno.test("EventHub reads of the history only what is wanted", async () => {
  const scene = stage();
  for (let index = 0; index < 300; index++) await commit(scene, event(index % 100 === 0 ? "rare" : "node-1"));
  let read = 0;
  const counting = new EventHub({
    clock: scene.clock,
    store: {
      get epoch() {
        return scene.store.epoch;
      },
      get revision() {
        return scene.store.revision;
      },
      get oldestRevision() {
        return scene.store.oldestRevision;
      },
      headsSince: (revision) => scene.store.headsSince(revision),
      readSince: (revision, limit) => {
        const events = scene.store.readSince(revision, limit);
        read += events.length;
        return events;
      },
    },
  });
  const socket = new FakeSocket();
  watch({ ...scene, hub: counting }, socket, { from: 0, wants: ({ node_id }) => node_id === "rare" });
  assert.deepEqual([socket.revisions, read], [[1, 101, 201], 3]);
});

Deno.test("EventHub tells two watchers of one view apart that have been shown different things", async () => {
  const scene = stage();
  const service = serviceDescriptor.parse({ service_id: "a", kind: "a", state: "online", endpoints: ["/a"] });
  const scope = { key: () => "view", show: (payload: Readonly<Record<string, unknown>>) => payload };
  const payload = { node_id: "node-1", services: [service], service_delta: { changed: false } };
  const [knows, new_] = [new FakeSocket(), new FakeSocket()];
  watch(scene, knows, { scope, isExtended: true, shown: [["node-1", entriesOf(payload)]] });
  watch(scene, new_, { scope, isExtended: true });
  await commit(scene, { ...event(), kind: "online", payload });
  const added = (socket: FakeSocket) => Object(socket.frames.at(-1)?.payload).service_delta.added.length;
  assert.deepEqual([added(knows), added(new_)], [0, 1]);
});
