/**
 * A session on a node, as the files of its terminal show it.
 *
 * @module
 */

import type { FsClient, RemoteFile } from "../../control/client/mod.ts";
import { Errno, FsError, isObject, parseJson } from "../../control/protocol/mod.ts";
import { type Clock, type PtySize, sleep } from "../../drivers/process/mod.ts";

/** Most bytes asked for at once. */
const READ_BYTES = 262_144;

/** How long to wait before keys are sent again that the program did not take, in milliseconds. */
const RETRY_MS = 50;

/** How often the node is told that somebody is there, in milliseconds; a fourth of what it waits. */
const ATTEND_MS = 5_000;

/** How a program ended. */
export interface RemoteEnd {
  readonly exit_code: number | null;
  readonly signal: string | null;
  /** `exit`: by itself; anything else says who ended it. */
  readonly reason: string;
}

/** A program in a terminal of a node. */
export class RemoteSession {
  readonly #client: FsClient;
  readonly #folder: bigint;
  readonly #clock: Clock;
  readonly #done = new AbortController();
  readonly #input: RemoteFile;
  readonly #output: RemoteFile;
  readonly #status: RemoteFile;
  #sending: Promise<unknown> = Promise.resolve();

  private constructor(
    client: FsClient,
    folder: bigint,
    clock: Clock,
    [input, output, status]: readonly [RemoteFile, RemoteFile, RemoteFile],
  ) {
    this.#client = client;
    this.#folder = folder;
    this.#clock = clock;
    this.#input = input;
    this.#output = output;
    this.#status = status;
    void this.#attend();
  }

  /**
   * Opens a session.
   *
   * @param request What goes to `pty/open.json`.
   * @throws {FsError} What the node refuses with.
   */
  static async open(client: FsClient, tree: string, request: object, clock: Clock): Promise<RemoteSession> {
    const root = await client.walk(tree, ["pty"]);
    const { id } = await client.lookup(root, "open.json");
    const reply = await client.write(id, new TextEncoder().encode(JSON.stringify(request)));
    if (reply.call_id === undefined) throw new FsError(Errno.EIO, "the node does not name the session");
    const folder = (await client.lookup(root, reply.call_id)).id;
    const open = async (name: string, access: "read" | "write") =>
      await client.openFile((await client.lookup(folder, name)).id, access);
    const files = await Promise.all([open("input", "write"), open("output", "read"), open("status.json", "read")]);
    return new RemoteSession(client, folder, clock, files);
  }

  /**
   * Hands over all output until the program has ended, and says how it did.
   *
   * @param show Takes the output in order; the program waits when it takes long.
   * @param dropped Told how many bytes will never come.
   */
  async follow(show: (bytes: Uint8Array) => Promise<void>, dropped: (bytes: number) => void): Promise<RemoteEnd> {
    try {
      for (let at = 0;;) {
        try {
          const { bytes, eof } = await this.#output.read(at, READ_BYTES);
          at += bytes.length;
          await show(bytes);
          if (eof) break;
        } catch (error) {
          if (!(error instanceof FsError) || error.errno !== Errno.ERANGE) throw error;
          const start = Number((await this.#readStatus())["output_start"]);
          dropped(start - at);
          at = start;
        }
      }
      const { exit_code, signal, reason } = await this.#readStatus();
      return {
        exit_code: typeof exit_code === "number" ? exit_code : null,
        signal: typeof signal === "string" ? signal : null,
        reason: String(reason),
      };
    } finally {
      this.#done.abort();
    }
  }

  /** Types bytes, after those before them. */
  type(bytes: Uint8Array): Promise<void> {
    const sent = this.#sending.then(() => this.#type(bytes));
    this.#sending = sent.catch(() => {});
    return sent;
  }

  async resize(size: PtySize): Promise<void> {
    await this.#write("size", JSON.stringify(size));
  }

  /** Asks the node to end the session. */
  async close(): Promise<void> {
    this.#done.abort();
    await this.#write("close", "{}");
  }

  async #type(bytes: Uint8Array): Promise<void> {
    while (!this.#done.signal.aborted) {
      try {
        await this.#input.write(0, bytes);
        return;
      } catch (error) {
        if (!(error instanceof FsError) || error.errno !== Errno.EAGAIN) throw error;
        await sleep(this.#clock, RETRY_MS, this.#done.signal);
      }
    }
  }

  async #write(name: string, text: string): Promise<void> {
    const { id } = await this.#client.lookup(this.#folder, name);
    await this.#client.write(id, new TextEncoder().encode(text));
  }

  async #readStatus(): Promise<Record<string, unknown>> {
    const { bytes } = await this.#status.read(0, READ_BYTES);
    const status = parseJson(new TextDecoder().decode(bytes));
    return isObject(status) ? status : {};
  }

  /** Keeps the session alive also while its output is taken slowly. */
  async #attend(): Promise<void> {
    const { signal } = this.#done;
    for (;;) {
      await sleep(this.#clock, ATTEND_MS, signal);
      if (signal.aborted) return;
      // Whatever is wrong, whoever follows the output hears of it.
      await this.#status.read(0, 1).catch(() => {});
    }
  }
}
