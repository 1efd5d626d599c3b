/**
 * Has the connections of a port send at once what they are given.
 *
 * An older runtime gives an upgraded connection no way to turn Nagle's algorithm
 * off, and a frame that follows another then waits 40 ms for the peer to
 * acknowledge the first. On Linux a connection inherits the setting of the
 * socket that accepted it, and that one is found among the files of this process.
 *
 * @module
 */

import { readdirSync } from "node:fs";
import { Server as TlsServer } from "node:tls";
import { platform } from "./this_system.ts";

const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const [AF_INET, AF_INET6] = [2, 10];

/** Whether `setNoDelay` of an upgraded connection does what it says; newer runtimes are known by the same sign as for TLS. */
const isOlder = typeof TlsServer.prototype.setSecureContext !== "function";

/** Turns Nagle's algorithm off for connections to come on a port that this process listens on, where nothing else does. */
export function sendAtOnce(port: number, report: (problem: string) => void): void {
  if (!isOlder || platform !== "linux") return;
  try {
    setOnSocketsOf(port);
  } catch (error) {
    report(`Frames may wait for 40 ms: ${error instanceof Error ? error.message : error}`);
  }
}

/** Sets the option on every socket whose own port this is; returns how many there were. */
export function setOnSocketsOf(port: number): number {
  const libc = Deno.dlopen("libc.so.6", {
    getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  });
  try {
    let count = 0;
    for (const name of readdirSync("/proc/self/fd")) {
      const address = new DataView(new ArrayBuffer(128));
      // What is no socket is refused, which is as good an answer as any.
      if (libc.symbols.getsockname(Number(name), address, new Uint32Array([128])) !== 0) continue;
      const family = address.getUint16(0, true);
      if ((family !== AF_INET && family !== AF_INET6) || address.getUint16(2) !== port) continue;
      const on = new Uint32Array([1]);
      if (libc.symbols.setsockopt(Number(name), IPPROTO_TCP, TCP_NODELAY, on, 4) === 0) count++;
    }
    return count;
  } finally {
    libc.close();
  }
}
