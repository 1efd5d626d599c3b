/**
 * One warm helper of a driver: a process of this program that has prepared
 * somebody's code and runs calls of it, one at a time.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { CancelTimer, Clock } from "./clock.ts";
import {
  ANSWER,
  type CallResult,
  decodeResult,
  encodeCall,
  encodeFrame,
  FrameReader,
  MOST_WORDS,
  REQUEST,
} from "./helper_frames.ts";
import type { Os } from "./os.ts";
import type { ProgramExit, StartedProgram } from "./spawn.ts";

/** What became of something that a helper was asked. */
export type HelperAnswer =
  | { readonly kind: "ready" }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "result"; readonly result: CallResult }
  /** Its process ended. */
  | { readonly kind: "ended"; readonly exit: ProgramExit }
  /** What it said made no sense. */
  | { readonly kind: "damaged"; readonly why: string }
  /** Its standard error went beyond the limit. */
  | { readonly kind: "flooded" }
  /** The process was killed by us. */
  | { readonly kind: "killed" };

/** How long the end of a process is waited for, in milliseconds; a program that left the group may hold its pipes. */
const LINGER_MS = 1_000;

/** What a helper is made of. */
export interface HelperOptions {
  readonly program: StartedProgram;
  /** Which version of the code it has prepared. */
  readonly identity: string;
  /** Written by the helper to its standard error after each call, so that what was printed before it is known whole. */
  readonly mark: string;
  readonly maxOutputBytes: number;
  readonly os: Os;
  readonly clock: Clock;
}

/** A helper. Whoever starts one asks it one thing at a time, and kills it in the end. */
export class Helper {
  readonly identity: string;
  readonly pid: number;
  /** Resolves when the process has ended and its pipes are read, or were waited for long enough. */
  readonly gone: Promise<void>;
  readonly #options: HelperOptions;
  readonly #mark: Buffer;
  readonly #lingered = Promise.withResolvers<void>();
  #answer: ((answer: HelperAnswer) => void) | undefined;
  #waitingForMark: CallResult | undefined;
  #printed: Buffer[] = [];
  #printedBytes = 0;
  #hasEnded = false;
  #wasKilled = false;
  #stopLingering: CancelTimer | undefined;

  constructor(options: HelperOptions) {
    const { program, identity, mark, maxOutputBytes } = options;
    this.#options = options;
    this.#mark = Buffer.from(mark);
    this.identity = identity;
    this.pid = program.pid;
    const reader = new FrameReader(
      2 * maxOutputBytes + MOST_WORDS,
      (kind, body) => this.#take(kind, body),
      (why) => this.#settle({ kind: "damaged", why }),
    );
    program.stdout.on("data", (chunk: Uint8Array) => reader.push(chunk));
    program.stderr.on("data", (chunk: Buffer) => this.#print(chunk));
    this.gone = this.#untilGone(program);
  }

  /** Whether its process still runs and was not killed. */
  get isAlive(): boolean {
    return !this.#hasEnded && !this.#wasKilled;
  }

  /** Hands over what to prepare. */
  load(words: unknown): Promise<HelperAnswer> {
    return this.#ask(encodeFrame(REQUEST.load, new TextEncoder().encode(JSON.stringify(words))));
  }

  /** Runs one call. */
  call(timeoutMs: number, payload: Uint8Array): Promise<HelperAnswer> {
    return this.#ask(encodeCall(timeoutMs, payload));
  }

  /** What was printed to standard error since the last question, up to the limit. */
  printed(): Uint8Array {
    return Buffer.concat(this.#printed).subarray(0, this.#options.maxOutputBytes);
  }

  /** Ends its process and everything that it started. What it was asked is answered with `killed`. */
  kill(): void {
    if (!this.isAlive) return;
    this.#wasKilled = true;
    this.#options.os.killTree(this.pid);
    this.#linger();
    this.#settle({ kind: "killed" });
  }

  #ask(frame: Uint8Array): Promise<HelperAnswer> {
    this.#printed = [];
    this.#printedBytes = 0;
    if (!this.isAlive) return Promise.resolve({ kind: "killed" });
    return new Promise((resolve) => {
      this.#answer = resolve;
      this.#options.program.stdin.write(frame);
    });
  }

  #settle(answer: HelperAnswer): void {
    const settle = this.#answer;
    this.#answer = undefined;
    this.#waitingForMark = undefined;
    settle?.(answer);
  }

  #take(kind: number, body: Uint8Array): void {
    if (kind === ANSWER.ready) return this.#settle({ kind: "ready" });
    if (kind === ANSWER.refused) return this.#settle({ kind: "refused", reason: new TextDecoder().decode(body) });
    const result = kind === ANSWER.result ? decodeResult(body) : undefined;
    if (result === undefined) {
      return this.#settle({ kind: "damaged", why: `it sent ${body.length} bytes that are no answer` });
    }
    this.#waitingForMark = result;
    if (!result.isMarked || this.#takeMark()) this.#finish();
  }

  #finish(): void {
    const result = this.#waitingForMark;
    if (result === undefined) return;
    const stderr = Buffer.concat([result.stderr, ...this.#printed]);
    const { maxOutputBytes } = this.#options;
    const end = stderr.length > maxOutputBytes ? "output_limit" : result.end;
    this.#settle({ kind: "result", result: { ...result, end, stderr: stderr.subarray(0, maxOutputBytes) } });
  }

  /** Cuts the mark out of what was printed, when it has come. */
  #takeMark(): boolean {
    const all = Buffer.concat(this.#printed);
    const at = all.lastIndexOf(this.#mark);
    if (at < 0) return false;
    this.#printed = [Buffer.concat([all.subarray(0, at), all.subarray(at + this.#mark.length)])];
    return true;
  }

  #print(chunk: Buffer): void {
    // What is printed between two calls belongs to neither.
    if (this.#answer === undefined) return;
    this.#printed.push(chunk);
    this.#printedBytes += chunk.length;
    if (this.#waitingForMark !== undefined && this.#takeMark()) return this.#finish();
    if (this.#printedBytes > this.#options.maxOutputBytes + this.#mark.length) this.#settle({ kind: "flooded" });
  }

  async #untilGone({ exited, stdin, stdout, stderr }: StartedProgram): Promise<void> {
    const read = [stdout, stderr].map((stream) => new Promise((resolve) => stream.once("close", resolve)));
    const exit = await exited;
    this.#hasEnded = true;
    this.#options.os.killLeftovers(this.pid);
    stdin.destroy();
    this.#linger();
    await Promise.race([Promise.all(read), this.#lingered.promise]);
    this.#stopLingering?.();
    for (const stream of [stdout, stderr]) stream.destroy();
    this.#settle({ kind: "ended", exit });
  }

  #linger(): void {
    this.#stopLingering ??= this.#options.clock.after(LINGER_MS, this.#lingered.resolve);
  }
}
