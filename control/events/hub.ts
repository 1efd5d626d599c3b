/**
 * Brings events to those who watch.
 *
 * An event becomes one frame, whoever watches; the frames of one commit are
 * joined and written once per watcher. A watcher that does not keep up is cut
 * off with a word about where it stood; nobody else notices.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { errorFrame, okFrame } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import type { StoredEvent } from "../store/records.ts";
import { textFrame } from "./frame.ts";

/** The part of a socket that a watcher needs. */
export interface WatchSocket {
  /** Bytes that were written and have not left yet. */
  readonly bufferedBytes: number;
  /** Writes frames that are already built. */
  sendFrames(frames: Uint8Array): void;
  sendText(text: string): void;
  close(code: number, reason: string): void;
}

/** Whether a watcher may get an event; asked anew for each, so that a change of policy counts at once. */
export type EventFilter = (event: StoredEvent) => boolean;

interface Subscription {
  readonly socket: WatchSocket;
  readonly wants: EventFilter;
  lastRevision: number;
}

/** Limits of a hub. */
export interface HubOptions {
  readonly epoch: string;
  /** At most this many bytes may wait for one watcher. @default {4194304} */
  readonly maxBufferedBytes?: number;
}

/** The watchers of one server. */
export class EventHub {
  readonly #epoch: string;
  readonly #maxBufferedBytes: number;
  readonly #subscriptions = new Map<WatchSocket, Subscription>();

  constructor(options: HubOptions) {
    this.#epoch = options.epoch;
    this.#maxBufferedBytes = options.maxBufferedBytes ?? 4 * 1024 * 1024;
  }

  /** How many watch. */
  get size(): number {
    return this.#subscriptions.size;
  }

  /** Starts a watch from the event after `revision`; a second one of the same socket replaces the first. */
  subscribe(socket: WatchSocket, wants: EventFilter, revision: number): void {
    this.#subscriptions.set(socket, { socket, wants, lastRevision: revision });
  }

  /** Ends a watch; does nothing when there is none. */
  unsubscribe(socket: WatchSocket): void {
    this.#subscriptions.delete(socket);
  }

  /** Sends the events of one commit, in their order. */
  publish(events: readonly StoredEvent[]): void {
    if (this.#subscriptions.size === 0) return;
    const frames = events.map((event) => textFrame(eventFrame(event, this.#epoch, false)));
    const all = joined(frames);
    for (const subscription of [...this.#subscriptions.values()]) {
      const visible = frames.filter((_, index) => {
        const event = events[index];
        return event !== undefined && subscription.wants(event);
      });
      if (visible.length === 0) continue;
      if (subscription.socket.bufferedBytes > this.#maxBufferedBytes) {
        this.#cutOff(subscription);
        continue;
      }
      subscription.socket.sendFrames(visible.length === frames.length ? all : joined(visible));
      subscription.lastRevision = events.at(-1)?.revision ?? subscription.lastRevision;
    }
  }

  #cutOff(subscription: Subscription): void {
    this.#subscriptions.delete(subscription.socket);
    const error = new ZssError(
      "slow_consumer",
      `Cannot keep up the watch: more than ${this.#maxBufferedBytes} bytes wait to be read`,
      {
        hint: "read faster, or watch one node instead of all",
        data: { last_revision: subscription.lastRevision },
      },
    );
    subscription.socket.sendText(errorFrame(undefined, error));
    subscription.socket.close(1013, "slow_consumer");
  }
}

/** Text of the frame that carries an event. */
export function eventFrame(event: StoredEvent, epoch: string, replay: boolean): string {
  return okFrame("control.node_service_event", undefined, {
    ...event.payload,
    event: { epoch, revision: event.revision, kind: event.kind, timestamp_ms: event.timestamp_ms, replay },
  });
}

function joined(frames: readonly Uint8Array[]): Uint8Array {
  const [first] = frames;
  return frames.length === 1 && first !== undefined ? first : Buffer.concat(frames);
}
