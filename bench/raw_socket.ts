/**
 * A WebSocket client that only counts, so that thousands of them cost little
 * beside the server that is measured.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** How a connection reads. */
export interface CountingSocketOptions {
  /** Pause between two reads, in milliseconds; without one it reads as fast as it can. */
  readonly readEveryMs?: number;
}

/** What one connection has received. */
export class CountingSocket {
  readonly #connection: Deno.TcpConn;
  readonly #options: CountingSocketOptions;
  /** Called after each read that brought anything. */
  onRead: (() => void) | undefined;
  #rest = new Uint8Array(0);
  #skip = 0;
  /** Who waits for a message that comes, in order. */
  #waiting: (() => void)[] = [];
  /** Text and binary messages. */
  frames = 0;
  /** Bytes of their payloads. */
  bytes = 0;

  private constructor(connection: Deno.TcpConn, options: CountingSocketOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Connects and upgrades. */
  static async open(
    port: number,
    path = "/",
    headers: Readonly<Record<string, string>> = {},
    options: CountingSocketOptions = {},
  ): Promise<CountingSocket> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay(true);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${lines}\r\n`;
    await connection.write(new TextEncoder().encode(request));
    const socket = new CountingSocket(connection, options);
    await socket.#readHead();
    void socket.#read();
    return socket;
  }

  /** Sends a text frame. */
  async send(text: string): Promise<void> {
    const payload = new TextEncoder().encode(text);
    const head = payload.length < 126
      ? [0x81, 0x80 | payload.length]
      : [0x81, 0x80 | 126, payload.length >> 8, payload.length & 0xff];
    // A mask of zeros is a mask too.
    await this.#connection.write(new Uint8Array([...head, 0, 0, 0, 0, ...payload]));
  }

  /** Sends a text frame; settles when as many messages have come as were waited for. */
  async call(text: string): Promise<void> {
    const answered = new Promise<void>((resolve) => this.#waiting.push(resolve));
    await this.send(text);
    await answered;
  }

  close(): void {
    try {
      this.#connection.close();
    } catch {
      // The server was quicker.
    }
  }

  async #readHead(): Promise<void> {
    const buffer = new Uint8Array(4096);
    let head = Buffer.alloc(0);
    let end = -1;
    while (end < 0) {
      const read = await this.#connection.read(buffer);
      if (read === null) throw new Error(`Cannot upgrade: ${head.toString()}`);
      head = Buffer.concat([head, buffer.subarray(0, read)]);
      end = head.indexOf("\r\n\r\n");
    }
    if (!head.toString().startsWith("HTTP/1.1 101")) throw new Error(`Cannot upgrade: ${head.toString()}`);
    this.#take(head.subarray(end + 4));
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const read = await this.#connection.read(buffer);
        if (read === null) return;
        this.#take(buffer.subarray(0, read));
        this.onRead?.();
        const { readEveryMs } = this.#options;
        // What answers a call is not to wait.
        if (readEveryMs !== undefined && this.#waiting.length === 0 && this.frames >= 2) {
          await new Promise((resolve) => setTimeout(resolve, readEveryMs));
        }
      }
    } catch {
      // Closed by us.
    }
  }

  /** Goes over the heads of frames. */
  #take(chunk: Uint8Array): void {
    let data = chunk;
    if (this.#rest.length > 0) {
      data = new Uint8Array(this.#rest.length + chunk.length);
      data.set(this.#rest);
      data.set(chunk, this.#rest.length);
      this.#rest = new Uint8Array(0);
    }
    let at = Math.min(this.#skip, data.length);
    this.#skip -= at;
    while (at < data.length) {
      const short = (data[at + 1] ?? 0) & 0x7f;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (data.length - at < head) {
        this.#rest = data.slice(at);
        return;
      }
      const view = new DataView(data.buffer, data.byteOffset + at);
      const length = short < 126 ? short : short === 126 ? view.getUint16(2) : Number(view.getBigUint64(2));
      const kind = (data[at] ?? 0) & 0x0f;
      // A message may go on in further frames, of kind 0.
      if (kind === 1 || kind === 2) {
        this.frames++;
        this.#waiting.shift()?.();
      }
      if (kind <= 2) this.bytes += length;
      const end = at + head + length;
      this.#skip = Math.max(0, end - data.length);
      at = Math.min(end, data.length);
    }
  }
}

/** Processor time that a process has taken, in seconds; Linux only. */
export function cpuSeconds(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  // In ticks of a hundredth of a second.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Memory that a process occupies, in bytes; Linux only. */
export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
}

/** A port that nobody has at the moment. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
