/**
 * Tells systemd how a service is doing: the datagram socket of `sd_notify`.
 *
 * The runtime knows no datagrams of the local kind, so libc sends them. Where
 * it cannot be called, `systemd-notify` does, as a process of its own; the unit
 * then needs `NotifyAccess=all`, since the message comes from another process.
 *
 * Source: sd_notify(3).
 *
 * @module
 */

import { execFile } from "node:child_process";

/** What an environment says of the service manager. */
export interface NotifyEnvironment {
  /** Path of the socket, or `@name` of an abstract one; undefined when nobody listens. */
  readonly address: string | undefined;
  /** Within this time the manager wants a sign of life, in milliseconds; undefined when it does not watch. */
  readonly watchdogMs: number | undefined;
}

/** Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`. @param pid Of this process. */
export function readNotifyEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): NotifyEnvironment {
  const address = env["NOTIFY_SOCKET"] ?? "";
  if (!/^[/@]./.test(address)) return { address: undefined, watchdogMs: undefined };
  const forUs = (env["WATCHDOG_PID"] ?? "") === "" || env["WATCHDOG_PID"] === String(pid);
  const micros = /^[1-9][0-9]{0,15}$/.test(env["WATCHDOG_USEC"] ?? "") ? Number(env["WATCHDOG_USEC"]) : undefined;
  return { address, watchdogMs: forUs && micros !== undefined ? micros / 1000 : undefined };
}

/** Sends messages to the service manager. */
export interface NotifySocket {
  /** Sends one datagram, for example `READY=1\nSTATUS=online`. What cannot be sent is lost, as sd_notify has it. */
  send(message: string): void;
  close(): void;
}

/**
 * Opens the way to a service manager.
 *
 * @param report Hears, once, why libc is not used.
 */
export function openNotifySocket(address: string, report: (problem: string) => void): NotifySocket {
  try {
    return openWithLibc(address);
  } catch (error) {
    report(
      `Messages to systemd go by systemd-notify, which needs NotifyAccess=all in the unit: ${
        error instanceof Error ? error.message : error
      }`,
    );
    return {
      send: (message) => {
        const env = { PATH: "/usr/bin:/bin", NOTIFY_SOCKET: address };
        execFile("systemd-notify", message.split("\n"), { env }, () => {});
      },
      close() {},
    };
  }
}

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
/** Bytes of the path in a `sockaddr_un`. */
const PATH_BYTES = 108;

function openWithLibc(address: string): NotifySocket {
  const target = socketAddress(address);
  const libc = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
    close: { parameters: ["i32"], result: "i32" },
  });
  const fd = libc.symbols.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) {
    libc.close();
    throw new Error("Cannot open a datagram socket: the system gives none");
  }
  return {
    send(message) {
      const bytes = new TextEncoder().encode(message);
      libc.symbols.sendto(fd, bytes, BigInt(bytes.length), MSG_DONTWAIT_NOSIGNAL, target, target.length);
    },
    close() {
      libc.symbols.close(fd);
      libc.close();
    },
  };
}

/** A `sockaddr_un`, as long as what it holds. @throws {RangeError} When the name is too long. */
export function socketAddress(address: string): Uint8Array<ArrayBuffer> {
  const isAbstract = address.startsWith("@");
  const name = new TextEncoder().encode(isAbstract ? `\0${address.slice(1)}` : `${address}\0`);
  if (name.length > PATH_BYTES) {
    throw new RangeError(`Cannot address the socket: its name is longer than ${PATH_BYTES} bytes`);
  }
  const bytes = new Uint8Array(2 + name.length);
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  bytes.set(name, 2);
  return bytes;
}
