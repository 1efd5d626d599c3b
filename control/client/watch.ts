/**
 * Watches the catalog for as long as it is wanted, whatever the network does.
 *
 * A connection that is lost is made again after a wait that grows, and the watch
 * goes on behind the last event that was seen. Where the server no longer holds
 * what came next, or has another history, the caller is told of the gap and gets
 * the state as it is now.
 *
 * ```ts
 * import { systemClock } from "../../drivers/process/clock.ts";
 * import { watchCatalog } from "./watch.ts";
 *
 * async function printChanges(url: string, token: string, signal: AbortSignal): Promise<void> {
 *   for await (const item of watchCatalog({ url, token, clock: systemClock, random: Math.random, signal })) {
 *     if (item.type === "event") console.log(item.payload);
 *   }
 * }
 * ```
 *
 * @module
 */

import { sleep } from "../../drivers/process/clock.ts";
import { isObject } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import { type BackoffBounds, backoffMs } from "./backoff.ts";
import { type ConnectOptions, ControlConnection, type PushedFrame, remoteError } from "./connection.ts";

/** A place in the history of a server. */
export interface WatchPosition {
  readonly epoch: string;
  readonly revision: number;
}

/** Writes a position as people pass it on: `<epoch>:<revision>`. */
export function formatPosition({ epoch, revision }: WatchPosition): string {
  return `${epoch}:${revision}`;
}

/** Reads such a position; undefined for anything else. */
export function parsePosition(text: string): WatchPosition | undefined {
  const match = /^([^:\s]+):([0-9]{1,15})$/.exec(text);
  return match === null ? undefined : { epoch: match[1] ?? "", revision: Number(match[2]) };
}

/** What a watch has to say. */
export type WatchItem =
  /** The server has begun to send; once per connection. */
  | { readonly type: "started"; readonly ack: Readonly<Record<string, unknown>> }
  | { readonly type: "event"; readonly payload: Readonly<Record<string, unknown>> }
  /** A node as it is, from a snapshot. */
  | { readonly type: "snapshot"; readonly payload: Readonly<Record<string, unknown>> }
  /** Everything before this place has been sent; what follows is live. */
  | { readonly type: "synced"; readonly position: WatchPosition }
  | { readonly type: "bookmark"; readonly position: WatchPosition }
  /** The connection was lost, or could not be made. */
  | { readonly type: "reconnecting"; readonly error: ZssError; readonly retry_in_ms: number }
  /** Events were missed for good; a snapshot follows. */
  | { readonly type: "gap"; readonly error: ZssError };

/** The part of a connection that a watch needs. */
export type WatchConnection = Pick<ControlConnection, "call" | "onPush" | "ended" | "pause" | "resume" | "close">;

/** How to watch. */
export interface WatchCatalogOptions extends ConnectOptions {
  /** Only the events of this node. */
  readonly nodeId?: string | undefined;
  /** Where to begin; without it, `replayLimit` past events and then live. */
  readonly since?: WatchPosition | undefined;
  /** How many past events to begin with. @default {0} */
  readonly replayLimit?: number;
  /** Begins with the state of every node. @default {false} */
  readonly snapshot?: boolean;
  /** All services of a node in each event, or those that changed. @default {"full"} */
  readonly detail?: "full" | "delta";
  /** Ends with the error instead of a gap. @default {false} */
  readonly strict?: boolean;
  /** Ends the watch. */
  readonly signal?: AbortSignal | undefined;
  /** Returns a number from 0 to 1, 1 excluded; spreads the waits of many watchers. */
  readonly random: () => number;
  /** Waits between tries. @default {half a second to half a minute} */
  readonly backoff?: BackoffBounds;
  /** A connection that is silent for so long is given up, in milliseconds. The server sends something every 5 s. @default {15000} */
  readonly heartbeatMs?: number;
  /** Opens a connection. @default {ControlConnection.open} */
  readonly open?: (options: ConnectOptions) => Promise<WatchConnection>;
}

/** Errors that no other try mends. */
const FINAL = new Set([
  ..."provider_auth_failed forbidden invalid_url invalid_payload missing_field future_revision unsupported".split(" "),
  ..."protocol_mismatch invalid_envelope tls_failed host_not_allowed".split(" "),
]);

/**
 * Watches until `signal` fires or the caller stops to ask.
 *
 * @throws {ZssError} What the server refuses for good, such as `provider_auth_failed`, `forbidden` or
 * `future_revision`; with `strict` also `history_gone` and `epoch_changed`.
 */
export async function* watchCatalog(options: WatchCatalogOptions): AsyncGenerator<WatchItem, void> {
  const watch = new Watch(options);
  const { signal, clock, random } = options;
  const backoff = options.backoff ?? { baseMs: 500, maxMs: 30_000 };
  let attempt = 0;
  while (signal?.aborted !== true) {
    let lost: ZssError;
    try {
      for await (const item of watch.round()) {
        if (item.type === "synced") attempt = 0;
        yield item;
      }
      if (signal?.aborted) return;
      lost = new ZssError("connection_lost", "Cannot go on watching: the connection ended");
    } catch (error) {
      if (!(error instanceof ZssError) || FINAL.has(error.code)) throw error;
      if (error.code === "history_gone" || error.code === "epoch_changed") {
        if (options.strict === true) throw error;
        watch.restart();
        yield { type: "gap", error };
        // Once at once; a history that is gone again and again is a server in need of rest.
        if (attempt++ === 0) continue;
        await sleep(clock, backoffMs(attempt, backoff, random()), signal);
        continue;
      }
      lost = error;
    }
    if (signal?.aborted) return;
    const wait = backoffMs(attempt++, backoff, random());
    yield { type: "reconnecting", error: lost, retry_in_ms: wait };
    await sleep(clock, wait, signal);
  }
}

/** What is remembered from one connection to the next. */
class Watch {
  readonly #options: WatchCatalogOptions;
  #position: WatchPosition | undefined;
  #wantsSnapshot: boolean;

  constructor(options: WatchCatalogOptions) {
    this.#options = options;
    this.#position = options.since;
    this.#wantsSnapshot = options.snapshot ?? false;
  }

  /** Gives up the position: the next round begins with the state as it is. */
  restart(): void {
    this.#position = undefined;
    this.#wantsSnapshot = true;
  }

  /** One connection from its beginning to its end. */
  async *round(): AsyncGenerator<WatchItem, void> {
    const { url, token, ca, clock, signal, heartbeatMs = 15_000 } = this.#options;
    const open = this.#options.open ?? ((to: ConnectOptions) => ControlConnection.open(to));
    const connection = await open({ url, token, ca, attach: this.#options.attach, clock });
    const inbox = new Inbox<PushedFrame | "ended" | "silent">();
    let cancelHeartbeat = () => {};
    const beat = () => {
      cancelHeartbeat();
      cancelHeartbeat = clock.after(heartbeatMs, () => inbox.put("silent"));
    };
    const stop = () => inbox.put("ended");
    signal?.addEventListener("abort", stop, { once: true });
    try {
      let hasPositions = false;
      connection.onPush((frame) => {
        if (hasPositions) beat();
        inbox.put(frame);
      });
      inbox.onFull = (isFull) => isFull ? connection.pause() : connection.resume();
      void connection.ended.then(stop);
      const ack = await connection.call("node_service_watch", this.#request());
      yield { type: "started", ack };
      // A server that knows no positions sends no bookmarks either, so its silence says nothing.
      hasPositions = typeof ack["epoch"] === "string";
      if (hasPositions) beat();
      for (;;) {
        const frame = await inbox.take();
        if (signal?.aborted || frame === "ended") break;
        if (frame === "silent" && inbox.hasMore) continue;
        if (frame === "silent") {
          throw new ZssError("connection_lost", `Cannot go on: the server was silent for ${heartbeatMs} ms`);
        }
        const item = this.#read(frame);
        if (item !== undefined) yield item;
      }
      // Said without waiting: a server that is silent must not hold up who wants to leave.
      if (signal?.aborted) void connection.call("node_service_unwatch", {}).catch(() => {});
    } finally {
      cancelHeartbeat();
      signal?.removeEventListener("abort", stop);
      connection.close();
    }
  }

  #request(): Record<string, unknown> {
    const { nodeId, replayLimit = 0, detail } = this.#options;
    const position = this.#position;
    return {
      ...(nodeId === undefined ? {} : { node_id: nodeId }),
      ...(position === undefined ? { replay_limit: replayLimit } : { since: position }),
      ...(this.#wantsSnapshot && position === undefined ? { snapshot: true } : {}),
      ...(detail === undefined ? {} : { detail }),
      bookmarks: true,
    };
  }

  /** Takes a frame; remembers how far it brings the watch. */
  #read({ type, payload }: PushedFrame): WatchItem | undefined {
    if (type === "control.error") throw remoteError(payload);
    if (!isObject(payload)) return undefined;
    switch (type) {
      case "control.node_service_event": {
        this.#reached(payload["event"]);
        return { type: "event", payload };
      }
      case "control.node_service_snapshot":
        return { type: "snapshot", payload };
      case "control.node_service_synced":
      case "control.node_service_bookmark": {
        const position = this.#reached(payload);
        if (position === undefined) return undefined;
        return { type: type === "control.node_service_synced" ? "synced" : "bookmark", position };
      }
      default:
        return undefined;
    }
  }

  #reached(place: unknown): WatchPosition | undefined {
    if (!isObject(place)) return undefined;
    const { epoch, revision } = place;
    if (typeof epoch !== "string" || typeof revision !== "number") return undefined;
    return this.#position = { epoch, revision };
  }
}

/** So many items wait before no more are wanted. */
const INBOX_FULL = 1024;

/** What came and has not been taken yet. */
class Inbox<T> {
  #items: T[] = [];
  #taken = 0;
  #isFull = false;
  #wake: (() => void) | undefined;
  /** Called when so much waits that no more is wanted, and when it is wanted again. */
  onFull: ((isFull: boolean) => void) | undefined;

  get hasMore(): boolean {
    return this.#items.length > this.#taken;
  }

  put(item: T): void {
    this.#items.push(item);
    this.#note(this.#items.length - this.#taken >= INBOX_FULL);
    this.#wake?.();
  }

  async take(): Promise<T> {
    for (;;) {
      const first = this.#items[this.#taken];
      if (first !== undefined) {
        this.#taken++;
        if (this.#taken === this.#items.length) [this.#items, this.#taken] = [[], 0];
        if (this.#items.length - this.#taken < INBOX_FULL / 2) this.#note(false);
        return first;
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  #note(isFull: boolean): void {
    if (this.#isFull === isFull) return;
    this.#isFull = isFull;
    this.onFull?.(isFull);
  }
}
