/**
 * What the host offers to a module besides WASI: the functions of
 * `spider_host_v1`, and those of WASI that the package does not do well.
 *
 * @module
 */

import { type WASI, wasi, WASIProcExit } from "@bjorn3/browser_wasi_shim";
import type { Output } from "./outputs.ts";

/** Log, clock and random: what a service gets. It may not emit events. */
const CAPABILITIES = 0b111n;

const LEVELS: ReadonlyMap<number, string> = new Map([[10, "debug"], [20, "info"], [30, "warn"], [40, "error"]]);

/** Bytes of the memory of an instance. @throws {WebAssembly.RuntimeError} If they are not all in it. */
export function bytesAt(memory: WebAssembly.Memory, at: number, length: number): Uint8Array {
  const [start, size] = [at >>> 0, length >>> 0];
  if (start + size > memory.buffer.byteLength) {
    throw new WebAssembly.RuntimeError(
      `Cannot reach ${size} bytes at ${start}: the memory has ${memory.buffer.byteLength}`,
    );
  }
  return new Uint8Array(memory.buffer, start, size);
}

/** The functions of `spider_host_v1`. Logs become lines of standard error. */
export function spiderHost(memory: () => WebAssembly.Memory, stderr: () => Output): WebAssembly.ModuleImports {
  return {
    spider_host_capabilities: () => CAPABILITIES,
    spider_host_now_ms: () => BigInt(Date.now()),
    spider_host_log(level: number, at: number, length: number) {
      const text = new TextDecoder().decode(bytesAt(memory(), at, length));
      stderr().write(new TextEncoder().encode(`${LEVELS.get(level) ?? "info"}: ${text}\n`));
      return 0;
    },
    spider_host_random_fill(at: number, length: number) {
      const into = bytesAt(memory(), at, length);
      // As many as the engine gives at once.
      for (let done = 0; done < into.length; done += 65_536) crypto.getRandomValues(into.subarray(done, done + 65_536));
      return 0;
    },
    spider_host_emit_event_json(at: number, length: number) {
      bytesAt(memory(), at, length);
      return 1;
    },
  };
}

const CLOCK_EVENT_BYTES = 32;
const SUBSCRIPTION_BYTES = 48;

/** WASI preview 1. */
export function wasiImports(shim: WASI, memory: () => WebAssembly.Memory): WebAssembly.ModuleImports {
  const unsupported = () => wasi.ERRNO_NOTSUP;
  return {
    ...shim.wasiImport,
    // The package throws words from these.
    proc_raise(signal: number) {
      throw new WASIProcExit(128 + signal);
    },
    sock_accept: unsupported,
    sock_recv: unsupported,
    sock_send: unsupported,
    sock_shutdown: unsupported,
    sched_yield: () => wasi.ERRNO_SUCCESS,
    poll_oneoff: (at: number, events: number, count: number, written: number) =>
      poll(memory(), { at, events, count: count >>> 0, written }),
  };
}

/**
 * Waits for the first of several moments. Inputs and outputs are always ready.
 * The package waits for one moment only, and keeps a processor busy meanwhile.
 */
function poll(
  memory: WebAssembly.Memory,
  { at, events, count, written }: { at: number; events: number; count: number; written: number },
): number {
  if (count === 0) return wasi.ERRNO_INVAL;
  const asked = bytesAt(memory, at, count * SUBSCRIPTION_BYTES);
  const view = new DataView(asked.buffer, asked.byteOffset, asked.length);
  const wanted = Array.from({ length: count }, (_, index) => subscription(view, index * SUBSCRIPTION_BYTES));
  const waits = wanted.map(({ waitMs }) => waitMs);
  const waitMs = Math.min(...waits);
  if (waitMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, waitMs);
  const ready = wanted.filter((one) => one.waitMs <= waitMs);
  const out = bytesAt(memory, events, ready.length * CLOCK_EVENT_BYTES);
  out.fill(0);
  const into = new DataView(out.buffer, out.byteOffset, out.length);
  ready.forEach(({ userdata, type }, index) => {
    into.setBigUint64(index * CLOCK_EVENT_BYTES, userdata, true);
    into.setUint8(index * CLOCK_EVENT_BYTES + 10, type);
  });
  const countAt = bytesAt(memory, written, 4);
  new DataView(countAt.buffer, countAt.byteOffset).setUint32(0, ready.length, true);
  return wasi.ERRNO_SUCCESS;
}

function subscription(view: DataView, at: number): { userdata: bigint; type: number; waitMs: number } {
  const userdata = view.getBigUint64(at, true);
  const type = view.getUint8(at + 8);
  if (type !== wasi.EVENTTYPE_CLOCK) return { userdata, type, waitMs: 0 };
  const timeout = Number(view.getBigUint64(at + 24, true)) / 1e6;
  const isAbsolute = (view.getUint16(at + 40, true) & wasi.SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME) !== 0;
  const now = view.getUint32(at + 16, true) === wasi.CLOCKID_REALTIME ? Date.now() : performance.now();
  return { userdata, type, waitMs: Math.max(0, isAbsolute ? timeout - now : timeout) };
}
