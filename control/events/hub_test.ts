import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { StoredEvent } from "../store/records.ts";
import { textFrame } from "./frame.ts";
import { EventHub, type WatchSocket } from "./hub.ts";

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

class FakeSocket implements WatchSocket {
  bufferedBytes = 0;
  readonly writes: Uint8Array[] = [];
  readonly said: string[] = [];
  closedWith: readonly [number, string] | undefined;
  sendFrames(frames: Uint8Array): void {
    this.writes.push(frames);
  }
  sendText(text: string): void {
    this.said.push(text);
  }
  close(code: number, reason: string): void {
    this.closedWith = [code, reason];
  }
  get revisions(): number[] {
    return this.writes.flatMap(texts).map((text) => JSON.parse(text).payload.event.revision);
  }
}

const event = (revision: number, node_id = "node-1"): StoredEvent => ({
  revision,
  kind: "upsert",
  node_id,
  timestamp_ms: 9,
  payload: { node_id },
});
const all = () => true;

Deno.test("textFrame() writes the three forms of length", () => {
  for (const length of [0, 1, 125, 126, 65_535, 65_536]) {
    const text = "x".repeat(length);
    assert.deepEqual(texts(textFrame(text)), [text]);
  }
  assert.deepEqual(texts(textFrame("grüße 😀")), ["grüße 😀"]);
});

Deno.test("EventHub writes the events of one commit at once, in order", () => {
  const hub = new EventHub({ epoch: "e" });
  const socket = new FakeSocket();
  hub.subscribe(socket, all, 0);
  hub.publish([event(1), event(2), event(3)]);
  assert.equal(socket.writes.length, 1);
  assert.deepEqual(socket.revisions, [1, 2, 3]);
  const [frame = ""] = texts(socket.writes[0] ?? new Uint8Array());
  assert.deepEqual(JSON.parse(frame), {
    channel: "control",
    type: "control.node_service_event",
    ok: true,
    payload: { node_id: "node-1", event: { epoch: "e", revision: 1, kind: "upsert", timestamp_ms: 9, replay: false } },
  });
});

Deno.test("EventHub sends a watcher what it may see, and replaces a watch by the next one", () => {
  const hub = new EventHub({ epoch: "e" });
  const socket = new FakeSocket();
  hub.subscribe(socket, ({ node_id }) => node_id === "node-2", 0);
  hub.publish([event(1, "node-1"), event(2, "node-2")]);
  assert.deepEqual(socket.revisions, [2]);
  hub.subscribe(socket, all, 2);
  hub.publish([event(3, "node-1")]);
  assert.deepEqual(socket.revisions, [2, 3]);
  hub.unsubscribe(socket);
  hub.publish([event(4)]);
  assert.deepEqual([socket.revisions, hub.size], [[2, 3], 0]);
});

Deno.test("EventHub cuts off a watcher that does not read, says where it stood, and serves the others", () => {
  const hub = new EventHub({ epoch: "e", maxBufferedBytes: 100 });
  const slow = new FakeSocket();
  const quick = new FakeSocket();
  hub.subscribe(slow, all, 0);
  hub.subscribe(quick, all, 0);
  hub.publish([event(1)]);
  slow.bufferedBytes = 101;
  hub.publish([event(2)]);
  const { error } = JSON.parse(slow.said[0] ?? "");
  assert.deepEqual([error.code, error.data, slow.closedWith], ["slow_consumer", { last_revision: 1 }, [
    1013,
    "slow_consumer",
  ]]);
  assert.deepEqual([slow.revisions, quick.revisions], [[1], [1, 2]]);
});
