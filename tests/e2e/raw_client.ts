/**
 * A client that sends whatever text it is given.
 *
 * @module
 */

import { openSocket, type TextSocket } from "../../control/client/mod.ts";

type Frame = Record<string, unknown>;

/** A connection without manners. */
export class RawClient {
  readonly #url: string;
  readonly #token: string | undefined;
  #socket: TextSocket;
  #waiting: ((frame: Frame) => boolean)[] = [];

  private constructor(url: string, token: string | undefined, socket: TextSocket) {
    this.#url = url;
    this.#token = token;
    this.#socket = socket;
    this.#listen();
  }

  static async open(url: string, token: string | undefined): Promise<RawClient> {
    return new RawClient(url, token, await openSocket({ url, token }));
  }

  /** Connects anew after the server has ended the connection. */
  async reopen(): Promise<void> {
    this.#socket = await openSocket({ url: this.#url, token: this.#token });
    this.#listen();
  }

  /** Sends a text; settles with the first frame that `isAnswer` takes. */
  async ask(text: string, isAnswer: (frame: Frame) => boolean = () => true): Promise<Frame> {
    const answer = new Promise<Frame>((resolve) => {
      this.#waiting.push((frame) => {
        if (!isAnswer(frame)) return false;
        resolve(frame);
        return true;
      });
    });
    this.#socket.send(text);
    return await answer;
  }

  close(): void {
    this.#socket.close();
  }

  #listen(): void {
    this.#socket.onText((text) => {
      const frame: Frame = JSON.parse(text);
      this.#waiting = this.#waiting.filter((take) => !take(frame));
    });
  }
}
