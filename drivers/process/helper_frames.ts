/**
 * What a driver and its warm helper say to each other.
 *
 * A frame is its length (4 bytes, little endian, of what follows the kind), its
 * kind (1 byte), and its body. The driver sends one `load`, gets `ready` or
 * `refused`, then sends one `call` at a time and gets one `result` for each.
 * What comes from a helper is never believed: code that is not ours runs there
 * and may have written it.
 *
 * @module
 */

/** What the driver sends. `load`: JSON, what to prepare. `call`: {@linkcode encodeCall}. */
export const REQUEST = { load: 1, call: 2 } as const;

/** What the helper sends. `refused`: a clause that says why. `result`: {@linkcode encodeResult}. */
export const ANSWER = { ready: 1, refused: 2, result: 3 } as const;

/** Bytes of a frame before its body. */
export const HEAD_BYTES = 5;

/** Most bytes of a frame besides the outputs in it. */
export const MOST_WORDS = 65_536;

/** How a call ended in a helper that lives: its code came back, it trapped, or it wrote too much. */
export type CallEnd = "exit" | "trap" | "output_limit";

/** What a helper says of one call. */
export interface CallResult {
  readonly end: CallEnd;
  readonly exitCode: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  /** A clause about the end; empty where there is nothing to say. */
  readonly note: string;
  /** Whether the helper must not serve another call. */
  readonly isSpent: boolean;
  /** Whether the helper has written the mark of its `load` to its standard error after the call. */
  readonly isMarked: boolean;
}

const ENDS: readonly CallEnd[] = ["exit", "trap", "output_limit"];
const SPENT = 1;
const MARKED = 2;
const RESULT_BYTES = 14;

/** Writes a frame. */
export function encodeFrame(kind: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const frame = new Uint8Array(HEAD_BYTES + length);
  new DataView(frame.buffer).setUint32(0, length, true);
  frame[4] = kind;
  let at = HEAD_BYTES;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

/** Writes a call: how long it may take, in milliseconds, and its payload. */
export function encodeCall(timeoutMs: number, payload: Uint8Array): Uint8Array {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, Math.min(timeoutMs, 0xffffffff), true);
  return encodeFrame(REQUEST.call, head, payload);
}

/** Reads the body of a call. */
export function decodeCall(body: Uint8Array): { readonly timeoutMs: number; readonly payload: Uint8Array } {
  return { timeoutMs: viewOf(body).getUint32(0, true), payload: body.subarray(4) };
}

/** Writes what is said of a call. */
export function encodeResult(result: CallResult): Uint8Array {
  const head = new Uint8Array(RESULT_BYTES);
  const view = new DataView(head.buffer);
  head[0] = ENDS.indexOf(result.end);
  head[1] = (result.isSpent ? SPENT : 0) | (result.isMarked ? MARKED : 0);
  view.setInt32(2, result.exitCode, true);
  view.setUint32(6, result.stdout.length, true);
  view.setUint32(10, result.stderr.length, true);
  const note = new TextEncoder().encode(result.note.slice(0, 4_096));
  return encodeFrame(ANSWER.result, head, result.stdout, result.stderr, note);
}

/** Reads what is said of a call; undefined when it makes no sense. */
export function decodeResult(body: Uint8Array): CallResult | undefined {
  if (body.length < RESULT_BYTES) return undefined;
  const view = viewOf(body);
  const end = ENDS[view.getUint8(0)];
  const flags = view.getUint8(1);
  const outputs = RESULT_BYTES + view.getUint32(6, true);
  const note = outputs + view.getUint32(10, true);
  if (end === undefined || note > body.length) return undefined;
  return {
    end,
    exitCode: view.getInt32(2, true),
    stdout: body.subarray(RESULT_BYTES, outputs),
    stderr: body.subarray(outputs, note),
    note: new TextDecoder().decode(body.subarray(note)),
    isSpent: (flags & SPENT) !== 0,
    isMarked: (flags & MARKED) !== 0,
  };
}

/** Finds frames in a stream of chunks. */
export class FrameReader {
  readonly #most: number;
  readonly #onFrame: (kind: number, body: Uint8Array) => void;
  readonly #onDamage: (why: string) => void;
  #held: Uint8Array = new Uint8Array();
  #size = 0;
  #isDamaged = false;

  /** @param most How many bytes a body may have; a longer one is damage, and after damage nothing is read. */
  constructor(most: number, onFrame: (kind: number, body: Uint8Array) => void, onDamage: (why: string) => void) {
    this.#most = most;
    this.#onFrame = onFrame;
    this.#onDamage = onDamage;
  }

  /** Takes the next bytes; calls back for each frame that is whole. */
  push(chunk: Uint8Array): void {
    if (this.#isDamaged) return;
    let rest = this.#size === 0 ? chunk : this.#join(chunk);
    this.#size = 0;
    while (rest.length >= HEAD_BYTES) {
      const view = viewOf(rest);
      const length = view.getUint32(0, true);
      if (length > this.#most) return this.#damage(`it announced ${length} bytes`);
      if (rest.length < HEAD_BYTES + length) break;
      this.#onFrame(view.getUint8(4), rest.subarray(HEAD_BYTES, HEAD_BYTES + length));
      rest = rest.subarray(HEAD_BYTES + length);
    }
    this.#hold(rest);
  }

  #join(chunk: Uint8Array): Uint8Array {
    const size = this.#size + chunk.length;
    if (this.#held.length < size) this.#grow(size);
    this.#held.set(chunk, this.#size);
    return this.#held.subarray(0, size);
  }

  #hold(rest: Uint8Array): void {
    this.#size = rest.length;
    if (rest.length === 0) return;
    if (rest.buffer === this.#held.buffer && rest.byteOffset === this.#held.byteOffset) return;
    // What was handed out may still point into the old bytes.
    const wanted = rest.length >= HEAD_BYTES ? HEAD_BYTES + viewOf(rest).getUint32(0, true) : rest.length;
    const held = new Uint8Array(Math.max(wanted, rest.length));
    held.set(rest);
    this.#held = held;
  }

  #grow(size: number): void {
    const announced = this.#size >= HEAD_BYTES ? HEAD_BYTES + viewOf(this.#held).getUint32(0, true) : 0;
    const held = new Uint8Array(Math.max(size, Math.min(announced, HEAD_BYTES + this.#most)));
    held.set(this.#held.subarray(0, this.#size));
    this.#held = held;
  }

  #damage(why: string): void {
    this.#isDamaged = true;
    this.#onDamage(why);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
