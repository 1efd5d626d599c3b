/**
 * One client of a node that has no control plane: its hello, its requests, and
 * what it does not take.
 *
 * Requests begin in the order in which they arrive, so many at a time that
 * neither the answers fill the memory nor one client the node. A client that
 * sends more is heard no further until it has taken its answers. One that takes
 * nothing is cut off; it never holds up the others.
 *
 * @module
 */

import {
  Errno,
  FsError,
  fsErrorFrame,
  type FsFrame,
  type FsHello,
  isObject,
  parseFsFrame,
  parseFsHello,
} from "../../control/protocol/mod.ts";

/** How much of what was sent to a client may wait before it is heard no further, in bytes. */
const PAUSE_BYTES = 4 * 1024 * 1024;
/** How much may wait before a client is cut off, in bytes: news of changes, and answers that it has asked for. */
const NEWS_LIMIT_BYTES = 4 * 1024 * 1024;
const ANSWER_LIMIT_BYTES = 64 * 1024 * 1024;
/** How much may be under way at a time: so many requests, or an eighth of it that read content. */
const BUDGET = 64;
const READ_COST = 8;
/** A hello is short; what is longer is not looked through for one. */
const HELLO_LENGTH = 16_384;

/** What a session does with its connection. */
export interface SessionSocket {
  /** Bytes that wait to be taken. */
  readonly bufferedBytes: number;
  /** Sends; `taken` is called when the system has it. */
  send(text: string, taken: () => void): void;
  /** Hears nothing more until `resume`. */
  pause(): void;
  resume(): void;
  /** Says goodbye; who does not answer is cut off. */
  close(code: number, reason: string): void;
}

/** What answers the requests of one client. */
export interface RequestHandler {
  handle(text: string): Promise<void>;
  close(): void;
}

/** What a session takes from outside. */
export interface SessionParts {
  /** Refuses a client by its hello. @throws {FsError} `EACCES`. */
  readonly admit: (hello: FsHello) => void;
  /** Makes what answers; `subscribe` says whether the client hears of changes. */
  readonly connect: (send: (frame: string) => void, options: { readonly subscribe: boolean }) => RequestHandler;
  /** Whether a client hears of changes when it does not say. */
  readonly subscribesByDefault: boolean;
  /** Hears that the client was cut off because it took nothing. */
  readonly onSlow: () => void;
  /** Hears that the client was turned away by its hello. */
  readonly onRefused: () => void;
}

/** The conversation with one client. */
export class FsClientSession {
  readonly #socket: SessionSocket;
  readonly #parts: SessionParts;
  #handler: RequestHandler | undefined;
  readonly #waiting: Request[] = [];
  #spent = 0;
  #isPaused = false;
  #isClosed = false;

  constructor(socket: SessionSocket, parts: SessionParts) {
    this.#socket = socket;
    this.#parts = parts;
  }

  /** Whether the client has said who it is. */
  get isOpen(): boolean {
    return this.#handler !== undefined;
  }

  /** Takes a frame; settles when it has been answered, or never will be. */
  receive(text: string): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    if (this.#handler === undefined || mayBeHello(text)) {
      const refusal = this.#hello(text);
      if (refusal !== undefined) {
        this.#refuse(refusal);
        return Promise.resolve();
      }
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ text, resolve, reject });
      this.#adjust();
    });
  }

  /** The connection is gone. A second call does nothing. */
  closed(): void {
    this.#isClosed = true;
    this.#handler?.close();
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /** Looks at a frame that is, or should be, a hello; returns why the client has to go. */
  #hello(text: string): { readonly tag: number | undefined; readonly error: FsError } | undefined {
    let frame: FsFrame | undefined;
    try {
      frame = parseFsFrame(text);
      if (frame.type !== "acheron.t_fs_hello") {
        if (this.#handler !== undefined) return undefined;
        throw new FsError(Errno.EINVAL, "acheron.t_fs_hello must be negotiated first");
      }
      this.#parts.admit(parseFsHello(frame.payload));
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      // What is no frame at all is answered by whoever answers requests.
      return frame === undefined && this.#handler !== undefined ? undefined : { tag: frame?.tag, error };
    }
    const { subscribesByDefault, connect } = this.#parts;
    const wish = isObject(frame.payload) ? frame.payload["subscribe_invalidations"] : undefined;
    const subscribe = typeof wish === "boolean" ? wish : subscribesByDefault;
    this.#handler ??= connect((answer) => this.#send(answer), { subscribe });
    return undefined;
  }

  #refuse({ tag, error }: { readonly tag: number | undefined; readonly error: FsError }): void {
    this.#socket.send(fsErrorFrame(tag, error), () => {});
    this.#parts.onRefused();
    // Whoever took this for a server does not read the frame.
    this.#end(1008, error.errno === Errno.EACCES ? "refused" : "a node without a control plane wants t_fs_hello first");
  }

  #send(frame: string): void {
    if (this.#isClosed) return;
    this.#socket.send(frame, () => this.#adjust());
    const limit = frame.startsWith(NEWS) ? NEWS_LIMIT_BYTES : ANSWER_LIMIT_BYTES;
    if (this.#socket.bufferedBytes > limit) {
      this.#parts.onSlow();
      return this.#end(1013, "too slow");
    }
    this.#adjust();
  }

  #end(code: number, reason: string): void {
    this.closed();
    this.#socket.close(code, reason);
  }

  /** Begins what may begin, and hears the client only when nothing waits. */
  #adjust(): void {
    while (!this.#isClosed && this.#socket.bufferedBytes <= PAUSE_BYTES) {
      const [next] = this.#waiting;
      if (next === undefined || this.#spent + costOf(next) > BUDGET) break;
      this.#waiting.shift();
      void this.#begin(next);
    }
    if (this.#isClosed) return;
    const isFull = this.#waiting.length > 0 || this.#socket.bufferedBytes > PAUSE_BYTES;
    if (isFull === this.#isPaused) return;
    this.#isPaused = isFull;
    if (isFull) this.#socket.pause();
    else this.#socket.resume();
  }

  async #begin(request: Request): Promise<void> {
    const cost = costOf(request);
    this.#spent += cost;
    try {
      await this.#handler?.handle(request.text);
      request.resolve();
    } catch (error) {
      request.reject(error);
    }
    this.#spent -= cost;
    this.#adjust();
  }
}

/** A frame on its way. */
interface Request {
  readonly text: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** An answer to a read may be a megabyte; what else is large came in from the client itself. */
function costOf({ text }: Request): number {
  return text.length < HELLO_LENGTH && text.includes("t_fs_read") ? READ_COST : 1;
}

/** What a frame of news begins with, and no answer does. */
const NEWS = '{"channel":"acheron","type":"acheron.e_fs_';

function mayBeHello(text: string): boolean {
  return text.length <= HELLO_LENGTH && text.includes("t_fs_hello");
}
