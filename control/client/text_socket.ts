/**
 * A WebSocket as the client sees it, and what it takes to open one.
 *
 * @module
 */

/** A socket that carries text frames. */
export interface TextSocket {
  send(text: string): void;
  onText(listener: (text: string) => void): void;
  /** Calls `listener` once, when the socket has ended; at once when it has already. */
  onClose(listener: (reason: string) => void): void;
  /** Takes nothing more until `resume`; what the peer sends waits on its side. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** Where to connect and as whom. */
export interface SocketOptions {
  /** `ws://` or `wss://` address, path included. */
  readonly url: string;
  readonly token?: string | undefined;
  /** Certificates in PEM form that are trusted for `wss://` besides those that everybody trusts. */
  readonly ca?: string | undefined;
}
