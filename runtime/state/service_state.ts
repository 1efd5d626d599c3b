/**
 * The file in which a node keeps what became of its services:
 * `<state-file>.runtime-services.json`, in the reference's shape.
 *
 * It is read once, before the services exist; each entry goes to its service as
 * soon as there is one. Entries of services that never came, because their
 * manifest is damaged for example, stay in the file, and so do those of services
 * that went: a manifest that comes back must not undo what an operator did. Writing happens a moment
 * after a change and beside the work that caused it; while changes go on, once a
 * second, and only what has changed is turned into text again.
 *
 * @module
 */

import { readFile, rename } from "node:fs/promises";
import { MAX_SERVICES_PER_NODE } from "../../control/catalog/descriptor.ts";
import { isObject } from "../../control/protocol/envelope.ts";
import { errorText } from "../../control/protocol/errors.ts";
import { parseJson } from "../../control/protocol/json.ts";
import type { CancelTimer, Clock } from "../../drivers/process/clock.ts";
import { type ServiceSnapshot, serviceSnapshot } from "../supervision/snapshot.ts";
import { writeAtomically } from "./atomic_file.ts";

/** How long after a change the file is written, in milliseconds. */
const WRITE_DELAY_MS = 50;

/** Least time between two writes, in milliseconds. */
const WRITE_PAUSE_MS = 1_000;

/** Most entries that are kept without a service; the oldest go first. */
const MAX_WAITING = MAX_SERVICES_PER_NODE;

/** Where the file stands beside the state file of the node. */
export function serviceStatePath(stateFile: string): string {
  return `${stateFile}.runtime-services.json`;
}

/** What the file takes from outside. */
export interface ServiceStateDeps {
  readonly clock: Clock;
  /** Whose states are kept; usually the host. */
  readonly services: {
    /** Of every service, each made only when it is asked for. */
    snapshots(): Iterable<{ readonly service_id: string; snapshot(): ServiceSnapshot }>;
    /** False when there is no such service (yet); throws when the entry cannot be used. */
    restore(snapshot: ServiceSnapshot): boolean;
  };
  /** Hears of an entry that was skipped and of a write that failed, one sentence each. */
  readonly report: (problem: string) => void;
}

/** Keeps the states of services in a file. */
export class ServiceStateFile {
  readonly #path: string;
  readonly #deps: ServiceStateDeps;
  /** Entries whose service has not come yet, or has gone, oldest first. */
  readonly #waiting = new Map<string, ServiceSnapshot>();
  #cancelTimer: CancelTimer | undefined;
  /** Texts of the entries as they were written last, of services that have not changed since. */
  readonly #texts = new Map<string, string>();
  #writtenAt = -Infinity;
  #isDirty = false;
  #isRestoring = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string, deps: ServiceStateDeps) {
    this.#path = path;
    this.#deps = deps;
  }

  /**
   * Reads the file. Entries that cannot be used are reported by name and left
   * out; a file that cannot be read at all is put aside as `<path>.damaged`.
   */
  async load(): Promise<void> {
    let entries: readonly unknown[];
    try {
      entries = entriesOf(await readFile(this.#path, "utf8"));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
      await rename(this.#path, `${this.#path}.damaged`).catch(() => undefined);
      this.#deps.report(
        `Cannot use "${this.#path}", now "${this.#path}.damaged": ${errorText(error)}; services start anew`,
      );
      return;
    }
    entries.forEach((entry, index) => {
      const reading = serviceSnapshot.safeParse(entry);
      if (reading.success) {
        this.#waiting.set(reading.data.service_id, reading.data);
        return;
      }
      const [issue] = reading.error.issues;
      this.#skip(nameOf(entry, index), `${issue?.path.join(".") ?? ""} ${issue?.message ?? "is invalid"}`);
    });
  }

  /** Gives each entry that waits to its service, where there is one now. Call after services were added. */
  restore(): void {
    // What comes back may show in the catalog, and who hears of that may call again.
    if (this.#isRestoring) return;
    this.#isRestoring = true;
    for (const [service_id, snapshot] of this.#waiting) {
      try {
        if (!this.#deps.services.restore(snapshot)) continue;
      } catch (error) {
        this.#skip(service_id, errorText(error));
      }
      this.#waiting.delete(service_id);
    }
    this.#isRestoring = false;
  }

  /** Says that a service changed or went; the file follows within a second. */
  changed(service_id: string): void {
    this.#isDirty = true;
    this.#texts.delete(service_id);
    const { clock } = this.#deps;
    const wait = Math.max(WRITE_DELAY_MS, this.#writtenAt + WRITE_PAUSE_MS - clock.monotonic());
    this.#cancelTimer ??= clock.after(wait, () => {
      this.#cancelTimer = undefined;
      this.flush();
    });
  }

  /** Says that a service went; what it knew last waits for it to come back. */
  removed(snapshot: ServiceSnapshot): void {
    this.#waiting.delete(snapshot.service_id);
    this.#waiting.set(snapshot.service_id, snapshot);
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size <= MAX_WAITING) break;
      this.#waiting.delete(oldest);
    }
    this.changed(snapshot.service_id);
  }

  /** Writes what is not written yet. Never rejects: a failure is reported and the next change tries again. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /** Writes what is not written yet; nothing is written after that unless something changes again. */
  async close(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    await this.flush();
  }

  async #write(): Promise<void> {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    this.#writtenAt = this.#deps.clock.monotonic();
    try {
      await writeAtomically(this.#path, `{"schema":1,"services":[${this.#entries().join(",")}]}\n`);
    } catch (error) {
      this.#isDirty = true;
      this.#deps.report(`Cannot write "${this.#path}": ${errorText(error)}`);
    }
  }

  #entries(): string[] {
    const texts: string[] = [];
    for (const service of this.#deps.services.snapshots()) {
      const text = this.#texts.get(service.service_id) ?? JSON.stringify(service.snapshot());
      this.#texts.set(service.service_id, text);
      texts.push(text);
    }
    for (const snapshot of this.#waiting.values()) texts.push(JSON.stringify(snapshot));
    return texts;
  }

  #skip(service: string, reason: string): void {
    this.#deps.report(`Cannot restore service "${service}" from "${this.#path}": ${reason}`);
  }
}

function entriesOf(text: string): readonly unknown[] {
  const value = parseJson(text);
  if (!isObject(value)) throw new TypeError("It holds no JSON object");
  const services = value["services"] ?? [];
  if (!Array.isArray(services)) throw new TypeError('Its member "services" is no list');
  return services;
}

function nameOf(entry: unknown, index: number): string {
  const id = isObject(entry) ? entry["service_id"] : undefined;
  return typeof id === "string" && id !== "" ? id : `#${index}`;
}
