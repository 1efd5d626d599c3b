import assert from "node:assert/strict";
import { ManualClock } from "../../drivers/process/mod.ts";
import { ZssError } from "../protocol/errors.ts";
import type { PushedFrame } from "./connection.ts";
import {
  parsePosition,
  watchCatalog,
  type WatchCatalogOptions,
  type WatchConnection,
  type WatchItem,
} from "./watch.ts";

/** A server that says what the test says. */
class FakeServer {
  readonly requests: unknown[] = [];
  readonly connections: FakeConnection[] = [];
  /** What the next watches are refused with. */
  refusals: ZssError[] = [];
  unreachable = 0;

  open = (): Promise<WatchConnection> => {
    if (this.unreachable-- > 0) return Promise.reject(new ZssError("unreachable", "Cannot connect: nobody is there"));
    const connection = new FakeConnection(this);
    this.connections.push(connection);
    return Promise.resolve(connection);
  };

  get last(): FakeConnection {
    const connection = this.connections.at(-1);
    assert.ok(connection);
    return connection;
  }
}

class FakeConnection implements WatchConnection {
  readonly #server: FakeServer;
  #listener: (frame: PushedFrame) => void = () => {};
  #end: (error: ZssError) => void = () => {};
  readonly calls: string[] = [];
  isClosed = false;
  isPaused = false;
  readonly ended = new Promise<ZssError>((resolve) => this.#end = resolve);

  constructor(server: FakeServer) {
    this.#server = server;
  }

  call(name: string, payload: unknown): Promise<Record<string, unknown>> {
    this.calls.push(name);
    if (name !== "node_service_watch") return Promise.resolve({});
    this.#server.requests.push(payload);
    const refusal = this.#server.refusals.shift();
    return refusal === undefined ? Promise.resolve({ epoch: "e" }) : Promise.reject(refusal);
  }

  onPush(listener: (frame: PushedFrame) => void): () => void {
    this.#listener = listener;
    return () => {};
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  close(): void {
    this.isClosed = true;
  }

  lose(): void {
    this.#end(new ZssError("connection_lost", "Lost"));
  }

  event(revision: number): void {
    this.#listener({ type: "control.node_service_event", payload: { node_id: "n", event: { epoch: "e", revision } } });
  }

  mark(kind: "synced" | "bookmark", revision: number): void {
    this.#listener({ type: `control.node_service_${kind}`, payload: { epoch: "e", revision } });
  }
}

function scene(options: Partial<WatchCatalogOptions> = {}) {
  const server = new FakeServer();
  const clock = new ManualClock();
  const stop = new AbortController();
  const items = watchCatalog({
    url: "ws://test",
    clock,
    random: () => 0,
    signal: stop.signal,
    backoff: { baseMs: 100, maxMs: 400 },
    open: server.open,
    ...options,
  });
  const next = async (): Promise<WatchItem> => {
    const { value, done } = await items.next();
    assert.ok(!done);
    return value;
  };
  return { server, clock, stop, items, next };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("watchCatalog() goes on behind the last event after a lost connection", async () => {
  const { server, clock, stop, items, next } = scene({ replayLimit: 5 });
  assert.equal((await next()).type, "started");
  server.last.event(7);
  server.last.mark("synced", 7);
  assert.equal((await next()).type, "event");
  assert.equal((await next()).type, "synced");
  server.last.lose();
  const lost = await next();
  assert.deepEqual(lost.type === "reconnecting" && [lost.error.code, lost.retry_in_ms], ["connection_lost", 100]);
  const started = next();
  await turn();
  clock.advance(100);
  assert.equal((await started).type, "started");
  assert.deepEqual(server.requests, [
    { replay_limit: 5, bookmarks: true },
    { since: { epoch: "e", revision: 7 }, bookmarks: true },
  ]);
  stop.abort();
  assert.equal((await items.next()).done, true);
  assert.deepEqual([server.last.calls, server.last.isClosed], [["node_service_watch", "node_service_unwatch"], true]);
});

Deno.test("watchCatalog() waits longer each time, and shortly again after a good run", async () => {
  const { server, clock, stop, next } = scene();
  server.unreachable = 3;
  const waits: unknown[] = [];
  for (let round = 0; round < 3; round++) {
    const pending = next();
    await turn();
    clock.advance(1_000);
    const item = await pending;
    waits.push(item.type === "reconnecting" ? item.retry_in_ms : item.type);
  }
  const started = next();
  await turn();
  clock.advance(1_000);
  assert.equal((await started).type, "started");
  server.last.mark("synced", 1);
  assert.equal((await next()).type, "synced");
  server.last.lose();
  const item = await next();
  waits.push(item.type === "reconnecting" ? item.retry_in_ms : item.type);
  assert.deepEqual(waits, [100, 200, 400, 100]);
  stop.abort();
});

Deno.test("watchCatalog() tells of a gap and takes a snapshot; with strict it ends", async () => {
  const gone = new ZssError("history_gone", "Gone", { data: { oldest_revision: 40 } });
  const since = { epoch: "e", revision: 3 };
  const { server, stop, next } = scene({ since });
  server.refusals = [gone];
  const gap = await next();
  assert.equal(gap.type === "gap" && gap.error.code, "history_gone");
  assert.equal((await next()).type, "started");
  assert.deepEqual(server.requests, [{ since, bookmarks: true }, { replay_limit: 0, snapshot: true, bookmarks: true }]);
  stop.abort();
  const strict = scene({ since, strict: true });
  strict.server.refusals = [gone];
  await assert.rejects(strict.next(), { code: "history_gone" });
});

Deno.test("watchCatalog() gives up a connection that is silent, and trusts one that sends bookmarks", async () => {
  const { server, clock, stop, next } = scene({ heartbeatMs: 1_000 });
  await next();
  const bookmark = next();
  await turn();
  clock.advance(900);
  server.last.mark("bookmark", 3);
  assert.deepEqual(await bookmark, { type: "bookmark", position: { epoch: "e", revision: 3 } });
  const lost = next();
  await turn();
  clock.advance(1_000);
  const item = await lost;
  assert.match(item.type === "reconnecting" ? item.error.message : "", /silent for 1000 ms/);
  stop.abort();
});

Deno.test("watchCatalog() ends with what the server refuses for good", async () => {
  const { server, next } = scene();
  server.refusals = [new ZssError("forbidden", "No")];
  await assert.rejects(next(), { code: "forbidden" });
});

Deno.test("parsePosition() reads what formatPosition() writes and nothing else", () => {
  assert.deepEqual(parsePosition("0a1b:42"), { epoch: "0a1b", revision: 42 });
  for (const text of ["", "42", "e:", ":4", "e:-1", "e:1:2", "e f:1"]) {
    assert.equal(parsePosition(text), undefined, text);
  }
});

Deno.test("watchCatalog() lets the server wait while nobody takes what came, and goes on when somebody does", async () => {
  const { server, clock, stop, next } = scene({ heartbeatMs: 1_000 });
  await next();
  for (let revision = 1; revision <= 2_000; revision++) server.last.event(revision);
  assert.ok(server.last.isPaused);
  // Who reads slowly has no silent server.
  clock.advance(1_000);
  for (let revision = 1; revision <= 2_000; revision++) {
    const item = await next();
    assert.equal(item.type === "event" && Object(item.payload["event"]).revision, revision);
  }
  assert.ok(!server.last.isPaused);
  stop.abort();
});
