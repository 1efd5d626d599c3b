import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openNotifySocket, readNotifyEnvironment, socketAddress } from "./notify_socket.ts";

const IS_LINUX = Deno.build.os === "linux";

/** A datagram socket of the system that messages can be taken from. */
class Receiver implements Disposable {
  readonly #libc = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize", nonblocking: true },
    close: { parameters: ["i32"], result: "i32" },
  });
  readonly #fd: number;

  constructor(address: string) {
    const { socket, bind } = this.#libc.symbols;
    this.#fd = socket(1, 2, 0);
    const name = socketAddress(address);
    assert.equal(bind(this.#fd, name, name.length), 0);
  }

  async next(): Promise<string> {
    const buffer = new Uint8Array(4096);
    const length = await this.#libc.symbols.recv(this.#fd, buffer, BigInt(buffer.length), 0);
    return new TextDecoder().decode(buffer.subarray(0, Number(length)));
  }

  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.#fd);
    this.#libc.close();
  }
}

async function sentTo(address: string): Promise<string[]> {
  using receiver = new Receiver(address);
  const problems: string[] = [];
  const socket = openNotifySocket(address, (problem) => problems.push(problem));
  socket.send("READY=1\nSTATUS=online ✓");
  socket.send("STOPPING=1");
  const received = [await receiver.next(), await receiver.next()];
  socket.close();
  assert.deepEqual(problems, []);
  return received;
}

Deno.test("openNotifySocket() sends each message as one datagram to a path", { ignore: !IS_LINUX }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "zss-notify-"));
  try {
    assert.deepEqual(await sentTo(join(folder, "notify")), ["READY=1\nSTATUS=online ✓", "STOPPING=1"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

Deno.test("openNotifySocket() sends to an abstract address", { ignore: !IS_LINUX }, async () => {
  assert.deepEqual(await sentTo(`@zss-notify-${Deno.pid}`), ["READY=1\nSTATUS=online ✓", "STOPPING=1"]);
});

Deno.test("openNotifySocket() loses what nobody takes, and goes on", { ignore: !IS_LINUX }, () => {
  const socket = openNotifySocket("/nobody/listens/here", assert.fail);
  socket.send("READY=1");
  socket.send("READY=1");
  socket.close();
});

Deno.test("openNotifySocket() says when the address is none that libc takes", { ignore: !IS_LINUX }, () => {
  const problems: string[] = [];
  openNotifySocket(`/${"a".repeat(200)}`, (problem) => problems.push(problem)).close();
  assert.match(problems.join(), /NotifyAccess=all.*longer than 108 bytes/);
});

Deno.test("readNotifyEnvironment() wants signs of life only for its own pid, and only of a local socket", () => {
  const env = { NOTIFY_SOCKET: "/run/systemd/notify", WATCHDOG_USEC: "30000000", WATCHDOG_PID: "7" };
  assert.deepEqual(readNotifyEnvironment(env, 7), { address: "/run/systemd/notify", watchdogMs: 30_000 });
  assert.equal(readNotifyEnvironment(env, 8).watchdogMs, undefined);
  assert.equal(readNotifyEnvironment({ ...env, WATCHDOG_PID: undefined }, 8).watchdogMs, 30_000);
  assert.equal(readNotifyEnvironment({ ...env, WATCHDOG_USEC: "0" }, 7).watchdogMs, undefined);
  assert.equal(readNotifyEnvironment({ NOTIFY_SOCKET: "vsock:2:1" }, 7).address, undefined);
  assert.equal(readNotifyEnvironment({}, 7).address, undefined);
});
