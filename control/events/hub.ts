/**
 * Brings events to those who watch.
 *
 * A watch begins with a backlog: a snapshot, a part of the history, or nothing.
 * It is read from the store piece by piece, only as fast as the watcher takes
 * it, so a long history never stands in memory. In the moment in which the
 * backlog has reached the newest event the watch turns live; both happen
 * without giving way to anybody, so no event is missed and none comes twice.
 *
 * Live, an event becomes one frame, whoever watches; frames that leave together
 * are joined and written once per watcher. A watcher that does not keep up is
 * cut off with a word about where it stood; nobody else notices.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type DeltaEntry, diffCatalogs, type UpdatedEntry } from "../catalog/delta.ts";
import { deltaEntry } from "../catalog/digest.ts";
import { servicesOf } from "../policy/visibility.ts";
import type { CancelTimer, Clock } from "../../drivers/process/clock.ts";
import { errorFrame, isObject } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import type { EventHead, StoredEvent } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { eventFrame, positionFrame, snapshotFrame, type WatchDetail } from "./event_frames.ts";
import { textFrame } from "./frame.ts";

/** The part of a socket that a watcher needs. */
export interface WatchSocket {
  /** Bytes that were written and have not left yet. */
  readonly bufferedBytes: number;
  /** Writes frames that are already built. */
  sendFrames(frames: Uint8Array): void;
  sendText(text: string): void;
  /** Whether anything that is written can still arrive. */
  readonly isOpen: boolean;
  /** Calls `action` when everything written so far has left; never when the connection ends before. */
  whenFlushed(action: () => void): void;
  close(code: number, reason: string): void;
}

/** What somebody wants to watch. */
export interface WatchRequest {
  /** Whether the watcher may and wants to get an event; asked anew for each, so that a change of policy counts at once. */
  readonly wants: (head: Pick<EventHead, "kind" | "node_id" | "revision">) => boolean;
  /** What the watcher gets of the events that it wants; absent for everything. */
  readonly scope?: WatchScope;
  readonly detail: WatchDetail;
  /** Whether it knows of more than the reference: markers, and kinds other than upsert. */
  readonly isExtended: boolean;
  readonly bookmarks: boolean;
  /** Nodes to show first, as they are at `until`. */
  readonly snapshot?: readonly Readonly<Record<string, unknown>>[];
  /** What a watcher with a scope sees when its watch begins. */
  readonly shown?: Iterable<readonly [string, readonly DeltaEntry[]]>;
  /** Replay begins behind this revision; equal to `until` for none. */
  readonly from: number;
  /** Revision of the store when the watch was asked for; events up to it are a replay, later ones are live. */
  readonly until: number;
}

/** The view of a watcher who does not see everything. */
export interface WatchScope {
  /** Names the view: those with one key get the same frames. Asked anew for each event. */
  key(): string;
  /** What is left of a payload for this view; `undefined` when nothing is. */
  show(payload: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> | undefined;
}

/** Limits and parts of a hub. */
export interface HubOptions {
  readonly store: Pick<Store, "epoch" | "revision" | "oldestRevision" | "readSince" | "headsSince">;
  readonly clock: Clock;
  /** At most this many bytes may wait for one watcher. @default {4194304} */
  readonly maxBufferedBytes?: number;
  /** How long a watcher that wants bookmarks hears nothing, in milliseconds. @default {5000} */
  readonly bookmarkMs?: number;
}

/** Numbers about watching, since the start of the server. */
export interface WatchCounts {
  subscribersPeak: number;
  replayRequests: number;
  replayAttempted: number;
  replaySent: number;
  replayBytes: number;
  fanoutEvents: number;
  fanoutAttempted: number;
  fanoutSent: number;
  fanoutDropped: number;
}

/** While a backlog is sent, so much may wait for the watcher, in bytes. */
const BACKLOG_BYTES = 512 * 1024;
/** Longest time for which an event waits for others, in milliseconds. */
const LONGEST_DELAY_MS = 2;
/** Events that come several at a time wait for so many times as long as the last sending took. */
const BURST_FACTOR = 4;
/** So many events are read from the store at once. */
const PAGE = 64;

interface Subscription {
  readonly socket: WatchSocket;
  readonly request: WatchRequest;
  /** What is to be sent before the watch is live; undefined once it is. */
  backlog: Iterator<string> | undefined;
  lastRevision: number;
  /** What a watcher with a scope has been shown of each node: the entries of its services. */
  readonly shown: Map<string, readonly DeltaEntry[]>;
  /** The same for the events before the watch. */
  readonly past: { readonly shown: Map<string, readonly DeltaEntry[]> };
  /** Whether anything was sent since the last look at bookmarks. */
  isFresh: boolean;
}

/** The watchers of one server. */
export class EventHub {
  readonly #store: HubOptions["store"];
  readonly #clock: Clock;
  readonly #maxBufferedBytes: number;
  readonly #bookmarkMs: number;
  readonly #subscriptions = new Map<WatchSocket, Subscription>();
  #bookmarkTimer: CancelTimer | undefined;
  /** Events that wait for the next sending. */
  #pending: StoredEvent[] = [];
  #flushTimer: CancelTimer | undefined;
  /** When the next sending may begin, in monotonic milliseconds. */
  #nextFlush = 0;
  /** Numbers for the metrics. */
  readonly counts: WatchCounts = {
    subscribersPeak: 0,
    replayRequests: 0,
    replayAttempted: 0,
    replaySent: 0,
    replayBytes: 0,
    fanoutEvents: 0,
    fanoutAttempted: 0,
    fanoutSent: 0,
    fanoutDropped: 0,
  };

  constructor(options: HubOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#maxBufferedBytes = options.maxBufferedBytes ?? 4 * 1024 * 1024;
    this.#bookmarkMs = options.bookmarkMs ?? 5_000;
  }

  /** How many watch. */
  get size(): number {
    return this.#subscriptions.size;
  }

  /**
   * Starts a watch; a second one of the same socket replaces the first.
   *
   * Nothing is sent before the function that is returned is called, so that the
   * answer to the request can go first.
   */
  subscribe(socket: WatchSocket, request: WatchRequest): () => void {
    const subscription: Subscription = {
      socket,
      request,
      backlog: undefined,
      lastRevision: request.from,
      shown: new Map(request.shown),
      past: { shown: new Map() },
      isFresh: true,
    };
    subscription.backlog = this.#backlog(subscription);
    this.#subscriptions.set(socket, subscription);
    this.counts.replayRequests++;
    this.counts.subscribersPeak = Math.max(this.counts.subscribersPeak, this.#subscriptions.size);
    if (request.bookmarks) this.#watchBookmarks();
    return () => this.#pump(subscription);
  }

  /** Ends a watch; does nothing when there is none. */
  unsubscribe(socket: WatchSocket): void {
    this.#subscriptions.delete(socket);
  }

  /** Sends what waits and ends the hub's timers. */
  close(): void {
    if (this.#pending.length > 0) this.#flush();
    this.#bookmarkTimer?.();
    this.#bookmarkTimer = undefined;
    this.#subscriptions.clear();
  }

  /**
   * Sends the events of a commit, in their order: at once, unless events come
   * several at a time. Those wait a moment for more, a few times as long as the
   * last sending took but at most 2 ms, because writing to each watcher seldom
   * and much costs a fraction of writing often and little.
   */
  publish(events: readonly StoredEvent[]): void {
    this.counts.fanoutEvents += events.length;
    if (this.#subscriptions.size === 0) return;
    this.#pending.push(...events);
    if (this.#flushTimer !== undefined) return;
    const wait = this.#nextFlush - this.#clock.monotonic();
    if (wait <= 0) this.#flush();
    else this.#flushTimer = this.#clock.after(wait, () => this.#flush());
  }

  #flush(): void {
    this.#flushTimer?.();
    this.#flushTimer = undefined;
    const events = this.#pending;
    this.#pending = [];
    const start = this.#clock.monotonic();
    this.#send(events);
    const end = this.#clock.monotonic();
    this.#nextFlush = events.length > 1 ? end + Math.min((end - start) * BURST_FACTOR, LONGEST_DELAY_MS) : end;
  }

  #send(events: readonly StoredEvent[]): void {
    const { epoch } = this.#store;
    const built = { full: new CommitFrames(events, epoch, "full"), delta: new CommitFrames(events, epoch, "delta") };
    const newest = events.at(-1)?.revision ?? 0;
    const scopedCache = new Map<string, Uint8Array>();
    for (const subscription of [...this.#subscriptions.values()]) {
      // One with a backlog reads these events from the store when it comes to them.
      if (subscription.backlog !== undefined || subscription.lastRevision >= newest) continue;
      const { socket, request } = subscription;
      if (!socket.isOpen) {
        this.#subscriptions.delete(socket);
        continue;
      }
      const frames = request.scope === undefined
        ? built[request.detail].for(request.wants, subscription.lastRevision)
        : scopedFrames(subscription, events, epoch, scopedCache);
      if (frames === undefined) {
        subscription.lastRevision = newest;
        continue;
      }
      this.counts.fanoutAttempted += frames.count;
      if (socket.bufferedBytes > this.#maxBufferedBytes) {
        this.#cutOff(subscription);
        this.counts.fanoutDropped += frames.count;
        continue;
      }
      socket.sendFrames(frames.bytes);
      this.counts.fanoutSent += frames.count;
      subscription.lastRevision = newest;
      subscription.isFresh = true;
    }
  }

  /** Sends of a backlog what the watcher can take now; goes on when that has left. */
  #pump(subscription: Subscription): void {
    const { socket } = subscription;
    if (this.#subscriptions.get(socket) !== subscription) return;
    if (!socket.isOpen) return void this.#subscriptions.delete(socket);
    while (subscription.backlog !== undefined && socket.bufferedBytes < BACKLOG_BYTES) {
      const texts: Uint8Array[] = [];
      let bytes = 0;
      while (bytes < BACKLOG_BYTES / 4) {
        const next = this.#next(subscription);
        if (next === undefined) break;
        const frame = textFrame(next);
        bytes += frame.length;
        texts.push(frame);
      }
      if (texts.length > 0) socket.sendFrames(joined(texts));
      // The hub may have dropped it: its history is gone.
      if (this.#subscriptions.get(socket) !== subscription) return;
    }
    if (subscription.backlog !== undefined) socket.whenFlushed(() => this.#pump(subscription));
  }

  #next(subscription: Subscription): string | undefined {
    const next = subscription.backlog?.next();
    if (next === undefined || next.done) {
      subscription.backlog = undefined;
      return undefined;
    }
    return next.value;
  }

  /** Everything up to the newest event. When it ends, the watch is live in the same moment. */
  *#backlog(subscription: Subscription): Generator<string> {
    const { request } = subscription;
    const { epoch } = this.#store;
    for (const payload of request.snapshot ?? []) {
      yield snapshotFrame(payload, epoch, request.until, this.#clock.now());
    }
    yield* this.#history(subscription, request.until);
    if (request.isExtended) yield positionFrame("synced", epoch, request.until);
    while (subscription.lastRevision < this.#store.revision) yield* this.#history(subscription, this.#store.revision);
  }

  *#history(subscription: Subscription, until: number): Generator<string> {
    const { wants, detail, until: asked } = subscription.request;
    const past = subscription.past;
    const { epoch } = this.#store;
    while (subscription.lastRevision < until) {
      if (subscription.lastRevision + 1 < this.#store.oldestRevision) {
        yield this.#historyGone(subscription);
        return;
      }
      // The heads stand in memory, so what nobody wants is passed over without reading it.
      const heads = this.#store.headsSince(subscription.lastRevision);
      const next = heads.findIndex((head) => head.revision > until || wants(head));
      const first = heads[next];
      if (first === undefined || first.revision > until) {
        subscription.lastRevision = until;
        return;
      }
      const others = heads.slice(next, next + PAGE).findIndex((head) => head.revision > until || !wants(head));
      for (const event of this.#store.readSince(first.revision - 1, others < 0 ? PAGE : others)) {
        subscription.lastRevision = event.revision;
        const isReplay = event.revision <= asked;
        const { scope } = subscription.request;
        const memory = isReplay ? past : subscription;
        if (isReplay && scope !== undefined) rememberBefore(past.shown, scope, event);
        const payload = scope === undefined ? event.payload : scopedPayload(memory, scope, event);
        if (payload === undefined) continue;
        const frame = eventFrame({ ...event, payload }, epoch, isReplay, detail);
        if (isReplay) {
          this.counts.replayAttempted++;
          this.counts.replaySent++;
          this.counts.replayBytes += frame.length;
        }
        yield frame;
      }
    }
  }

  /** The history was trimmed while a slow watcher was still reading it. */
  #historyGone(subscription: Subscription): string {
    this.#subscriptions.delete(subscription.socket);
    subscription.backlog = undefined;
    const { lastRevision } = subscription;
    const error = historyGone(lastRevision, this.#store);
    // It is the last frame; the socket closes once it has left.
    queueMicrotask(() => subscription.socket.close(1013, "history_gone"));
    return errorFrame(undefined, error);
  }

  #cutOff(subscription: Subscription): void {
    this.#subscriptions.delete(subscription.socket);
    const error = new ZssError(
      "slow_consumer",
      `Cannot keep up the watch: more than ${this.#maxBufferedBytes} bytes wait to be read`,
      {
        hint:
          "read faster, or watch one node instead of all; a watch from the last revision goes on where this one ended",
        data: { last_revision: subscription.lastRevision },
      },
    );
    subscription.socket.sendText(errorFrame(undefined, error));
    subscription.socket.close(1013, "slow_consumer");
  }

  #watchBookmarks(): void {
    if (this.#bookmarkTimer !== undefined) return;
    const look = () => {
      this.#bookmarkTimer = undefined;
      // A bookmark says that everything before it was sent.
      if (this.#pending.length > 0) this.#flush();
      let isWanted = false;
      const { epoch, revision } = this.#store;
      const frame = textFrame(positionFrame("bookmark", epoch, revision));
      for (const subscription of this.#subscriptions.values()) {
        if (!subscription.request.bookmarks) continue;
        isWanted = true;
        if (!subscription.isFresh && subscription.backlog === undefined) {
          subscription.socket.sendFrames(frame);
          subscription.lastRevision = revision;
        }
        subscription.isFresh = false;
      }
      if (isWanted) this.#watchBookmarks();
    };
    this.#bookmarkTimer = this.#clock.after(this.#bookmarkMs, look);
  }
}

/** The events of a commit that a watcher with a scope gets, joined; undefined for none. */
function scopedFrames(
  subscription: Subscription,
  events: readonly StoredEvent[],
  epoch: string,
  cache: Map<string, Uint8Array>,
): { readonly bytes: Uint8Array; readonly count: number } | undefined {
  const { scope, wants, detail } = subscription.request;
  if (scope === undefined) return undefined;
  const frames: Uint8Array[] = [];
  for (const event of events) {
    if (event.revision <= subscription.lastRevision || !wants(event)) continue;
    // What an event says to a watcher depends on its view, and on what it has been shown before.
    const before = subscription.shown.get(event.node_id)?.map(({ service_id, hash }) => `${service_id} ${hash}`).join();
    const key = `${detail} ${event.revision} ${scope.key()} ${before}`;
    const payload = scopedPayload(subscription, scope, event);
    if (payload === undefined) continue;
    let frame = cache.get(key);
    if (frame === undefined) cache.set(key, frame = textFrame(eventFrame({ ...event, payload }, epoch, false, detail)));
    frames.push(frame);
  }
  return frames.length === 0 ? undefined : { bytes: joined(frames), count: frames.length };
}

/**
 * What a watcher gets of an event; notes what it has been shown.
 *
 * Its delta is the difference to what this watcher was shown before, not to what
 * was there: so it is never told of anything that it could not see, and told of
 * everything that it no longer can.
 */
export function scopedPayload(
  { shown }: Pick<Subscription, "shown">,
  scope: WatchScope,
  event: StoredEvent,
): Readonly<Record<string, unknown>> | undefined {
  const { node_id: nodeId, timestamp_ms: now } = event;
  const before = shown.get(nodeId);
  const seen = event.kind === "deleted" ? undefined : scope.show(event.payload);
  if (seen === undefined) {
    if (before === undefined) return undefined;
    shown.delete(nodeId);
    return { ...event.payload, services: [], service_delta: diffCatalogs(before, [], now) };
  }
  const entries = entriesOf(seen);
  shown.set(nodeId, entries);
  const delta = diffCatalogs(before ?? [], entries, now);
  const raw = event.payload["service_delta"];
  const isAboutHidden = isObject(raw) && raw["changed"] === true && !delta.changed;
  if (event.kind === "upsert" && isAboutHidden) return undefined;
  if (event.kind === "visibility" && before !== undefined && !delta.changed) return undefined;
  return { ...seen, service_delta: { ...delta, updated: delta.updated.map((one) => withChanges(one, raw)) } };
}

/** What a watcher will have been shown of a node before the first past event of it: what that event began with. */
function rememberBefore(
  shown: Map<string, readonly DeltaEntry[]>,
  scope: WatchScope,
  { node_id: nodeId, payload }: StoredEvent,
): void {
  if (shown.has(nodeId)) return;
  const seen = scope.show(payload);
  if (seen === undefined) return;
  const raw = payload["service_delta"];
  const named = (name: string) => isObject(raw) && Array.isArray(raw[name]) ? raw[name].filter(isObject) : [];
  const added = new Set(named("added").map((one) => one["service_id"]));
  const updated = new Map(named("updated").map((one) => [one["service_id"], one]));
  const before = entriesOf(seen).filter(({ service_id }) => !added.has(service_id)).map((entry) => {
    const { previous_version: version, previous_hash: hash } = updated.get(entry.service_id) ?? {};
    return { ...entry, ...(typeof version === "string" && typeof hash === "string" ? { version, hash } : {}) };
  });
  shown.set(nodeId, before);
}

/** Adds what changed within a service, if the change is the one from what the watcher was shown. */
function withChanges(entry: UpdatedEntry, raw: unknown): UpdatedEntry {
  const updated = isObject(raw) && Array.isArray(raw["updated"]) ? raw["updated"].filter(isObject) : [];
  const told = updated.find((one) =>
    one["service_id"] === entry.service_id && one["previous_hash"] === entry.previous_hash
  );
  return told === undefined ? entry : { ...entry, ...told };
}

/** The services of a payload as a delta names them. */
export function entriesOf(payload: Readonly<Record<string, unknown>>): DeltaEntry[] {
  return servicesOf(payload).map(deltaEntry);
}

/** The frames of one commit, built when the first watcher wants them. */
class CommitFrames {
  readonly #events: readonly StoredEvent[];
  readonly #epoch: string;
  readonly #detail: WatchDetail;
  #frames: readonly Uint8Array[] | undefined;
  #all: Uint8Array | undefined;

  constructor(events: readonly StoredEvent[], epoch: string, detail: WatchDetail) {
    this.#events = events;
    this.#epoch = epoch;
    this.#detail = detail;
  }

  /** Those that a watcher wants of the events behind a revision, joined; undefined for none. */
  for(
    wants: WatchRequest["wants"],
    behind: number,
  ): { readonly bytes: Uint8Array; readonly count: number } | undefined {
    const events = this.#events;
    let count = 0;
    for (const event of events) if (event.revision > behind && wants(event)) count++;
    if (count === 0) return undefined;
    this.#frames ??= events.map((event) => textFrame(eventFrame(event, this.#epoch, false, this.#detail)));
    if (count === events.length) return { bytes: this.#all ??= joined(this.#frames), count };
    const isWanted = (event: StoredEvent | undefined) => event !== undefined && event.revision > behind && wants(event);
    return { bytes: joined(this.#frames.filter((_, index) => isWanted(events[index]))), count };
  }
}

/** The answer to a position whose next event is no longer held. */
export function historyGone(
  revision: number,
  store: Pick<Store, "epoch" | "revision" | "oldestRevision">,
): ZssError {
  return new ZssError(
    "history_gone",
    `Cannot watch from revision ${revision}: the oldest event that is held has revision ${store.oldestRevision}`,
    {
      hint: "take a snapshot with snapshot: true and go on from its revision",
      data: { oldest_revision: store.oldestRevision, revision: store.revision, epoch: store.epoch },
    },
  );
}

function joined(frames: readonly Uint8Array[]): Uint8Array {
  const [first] = frames;
  return frames.length === 1 && first !== undefined ? first : Buffer.concat(frames);
}
