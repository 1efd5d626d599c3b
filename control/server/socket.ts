/**
 * A WebSocket as sessions, watchers and the relay see it.
 *
 * The only file that knows the insides of `ws`: a frame that was built once is
 * written to the raw socket, which is what makes a broadcast cheap, and the
 * frame limit of one connection is raised when its peer has proved to be a node.
 *
 * @module
 */

import type { Socket } from "node:net";
// @ts-types="@types/ws"
import type { RawData, WebSocket } from "ws";
import { textFrame } from "../events/frame.ts";
import { FS_FRAME_BYTES } from "../listen/frame_limit.ts";

/** The insides that this file relies on; both exist since ws 8. */
interface Insides {
  readonly _socket?: Socket | null;
  readonly _receiver?: { _maxPayload: number };
}

/** Written to hear when what stands before it has left. */
const NOTHING = new Uint8Array(0);

/** What a connection does with what it hears. */
export interface Peer {
  receive(text: string): Promise<void>;
  closed(): void;
}

/** A server-side WebSocket. */
export class ServerSocket {
  readonly #ws: WebSocket & Insides;
  readonly #onTrusted: () => void;
  #trusted = false;

  /** @param onTrusted Called once, when the peer has proved to be a node. */
  constructor(ws: WebSocket, onTrusted: () => void) {
    this.#ws = ws;
    this.#onTrusted = onTrusted;
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  sendText(text: string): void {
    this.sendFrames(textFrame(text));
  }

  sendFrames(frames: Uint8Array): void {
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws._socket?.write(frames);
  }

  get isOpen(): boolean {
    return this.#ws.readyState === this.#ws.OPEN;
  }

  whenFlushed(action: () => void): void {
    if (!this.isOpen) return;
    this.#ws._socket?.write(NOTHING, (error) => {
      if (!error && this.isOpen) action();
    });
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, reason);
  }

  trustAsNode(): void {
    if (this.#trusted) return;
    this.#trusted = true;
    if (this.#ws._receiver !== undefined) this.#ws._receiver._maxPayload = FS_FRAME_BYTES;
    this.#onTrusted();
  }
}

/** Text of a message, or `undefined` for a binary one. */
export function textOf(data: RawData, isBinary: boolean): string | undefined {
  if (isBinary) return undefined;
  return Array.isArray(data) ? data.map((part) => part.toString()).join("") : data.toString();
}
