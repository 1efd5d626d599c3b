/**
 * Keeps systemd informed: ready, status, signs of life, ending.
 *
 * A node is ready as soon as it runs with what it was given, also while its
 * server cannot be reached or nobody has let it in yet: a start that waits for
 * others would be given up and begun anew for nothing.
 *
 * @module
 */

import type { CancelTimer, Clock, NotifyEnvironment, NotifySocket } from "../../drivers/process/mod.ts";
import type { NodeEvent } from "../../runtime/mod.ts";
import { eventText } from "./events.ts";

/** Whoever supervises this process, if anybody does. */
export class ServiceManager {
  readonly #socket: NotifySocket | undefined;
  readonly #clock: Clock;
  readonly #watchdogMs: number | undefined;
  #isReady = false;
  #cancelBeat: CancelTimer = () => {};

  /** @param open Opens the way to an address. */
  constructor(
    { address, watchdogMs }: NotifyEnvironment,
    clock: Clock,
    open: (address: string) => NotifySocket,
  ) {
    this.#clock = clock;
    this.#watchdogMs = watchdogMs;
    this.#socket = address === undefined ? undefined : open(address);
    this.#beat();
  }

  /** Notes an event of the node. */
  note(event: NodeEvent): void {
    const [status = ""] = eventText(event).split("\n");
    if (this.#socket === undefined || status === "") return;
    const ready = this.#isReady || event.type === "findings" || event.type === "service" ? "" : "READY=1\n";
    this.#isReady ||= ready !== "";
    this.#socket.send(`${ready}STATUS=${status}`);
  }

  /** Says that the node ends. */
  stopping(): void {
    this.#socket?.send("STOPPING=1\nSTATUS=zss node: ending");
  }

  close(): void {
    this.#cancelBeat();
    this.#socket?.close();
  }

  #beat(): void {
    if (this.#socket === undefined || this.#watchdogMs === undefined) return;
    this.#socket.send("WATCHDOG=1");
    this.#cancelBeat = this.#clock.after(this.#watchdogMs / 2, () => this.#beat());
  }
}
