/**
 * A proxy between nodes and their server that ends a tunnel after so many frames.
 *
 * @module
 */

import type { AddressInfo } from "node:net";
// @ts-types="@types/ws"
import { type RawData, WebSocket, WebSocketServer } from "ws";

/** Passes frames on, until it is told to stop. */
export class CuttingProxy implements AsyncDisposable {
  readonly url: string;
  readonly #server: WebSocketServer;
  readonly #upstream: string;
  readonly #links = new Set<readonly [WebSocket, WebSocket]>();
  #left = Infinity;
  #opened = Promise.withResolvers<void>();

  private constructor(server: WebSocketServer, upstream: string) {
    this.#server = server;
    this.#upstream = upstream;
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("connection", (near, { url = "/" }) => this.#link(near, url));
  }

  static async open(upstream: string): Promise<CuttingProxy> {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
    await new Promise<void>((resolve) => server.once("listening", resolve));
    return new CuttingProxy(server, upstream);
  }

  /** Whether the tunnel was cut since {@linkcode CuttingProxy.cutAfter}. */
  get isCut(): boolean {
    return this.#left < 0;
  }

  /** Settles when a tunnel is open that has not been cut. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** Passes so many more frames of the tunnel, of either direction, and cuts it in place of the next. */
  cutAfter(frames: number): void {
    this.#left = frames;
  }

  #link(near: WebSocket, path: string): void {
    const far = new WebSocket(`${this.#upstream}${path}`, { perMessageDeflate: false });
    const link = [near, far] as const;
    this.#links.add(link);
    const end = () => {
      this.#links.delete(link);
      for (const socket of link) socket.terminate();
    };
    const early: string[] = [];
    const isTunnel = path === "/v2/node";
    let isOpen = false;
    const pass = (to: WebSocket, text: string) => {
      if (isTunnel && isOpen) {
        if (this.#left === 0) {
          this.#left = -1;
          this.#opened = Promise.withResolvers();
          end();
        }
        if (this.#left > 0) this.#left--;
      }
      if (to.readyState === WebSocket.OPEN) to.send(text);
    };
    near.on("message", (data: RawData) => {
      if (far.readyState === WebSocket.CONNECTING) early.push(data.toString());
      else pass(far, data.toString());
    });
    far.on("open", () => early.splice(0).forEach((text) => pass(far, text)));
    far.on("message", (data: RawData) => {
      pass(near, data.toString());
      // The first that comes back is the answer to the hello.
      if (isTunnel && !isOpen) {
        isOpen = true;
        this.#opened.resolve();
      }
    });
    for (const socket of link) {
      socket.on("error", end);
      socket.on("close", end);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const link of [...this.#links]) for (const socket of link) socket.terminate();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
