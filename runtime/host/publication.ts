/**
 * The catalog entry of a service that runs: what its manifest declares, and how
 * the service is.
 *
 * A service that becomes well or unwell, or is switched on or off, is told of at
 * once. That it fails once more, for another reason perhaps, is told of after a
 * wait that doubles each time, so that a service which fails for days does not
 * fill the history of its node.
 *
 * @module
 */

import type { ServiceDescriptor } from "../../control/catalog/descriptor.ts";
import { sameValue } from "../../control/catalog/same_value.ts";
import type { CancelTimer, Clock } from "../../drivers/process/clock.ts";
import type { SupervisionState } from "../supervision/machine.ts";
import { isTransition, shortened, type SupervisionStatus, supervisionStatus } from "../supervision/status.ts";

/** Wait before further failures are told of, the first and the longest, in milliseconds. */
const PACE_MS = [1_000, 3_600_000] as const;

/** What is published of one service. */
export class Publication {
  readonly #clock: Clock;
  readonly #changed: () => void;
  #declared: ServiceDescriptor;
  #now: SupervisionState;
  #status: SupervisionStatus;
  #reloadError: string | undefined;
  #entry: ServiceDescriptor | undefined;
  #wait: number = PACE_MS[0];
  #cancel: CancelTimer | undefined;

  /** @param changed Called after each change of the entry, but for a new declaration. */
  constructor(declared: ServiceDescriptor, state: SupervisionState, clock: Clock, changed: () => void) {
    this.#declared = declared;
    this.#now = state;
    this.#status = supervisionStatus(state);
    this.#clock = clock;
    this.#changed = changed;
  }

  /** The entry; the same object until something of it changes. */
  get descriptor(): ServiceDescriptor {
    const running = () => publishedEntry(this.#declared, this.#status);
    return this.#entry ??= faultyEntry(running(), this.#reloadError) ?? running();
  }

  /** Takes another declaration. Who caused it tells of it. */
  declare(declared: ServiceDescriptor): void {
    this.#declared = declared;
    this.#entry = undefined;
  }

  /** Says that the newest version of the manifest cannot be used, and why; `undefined` takes that back. */
  fault(text: string | undefined): void {
    this.#reloadError = text;
    this.#entry = undefined;
    this.#changed();
  }

  /** Takes how the service is now. */
  show(state: SupervisionState): void {
    this.#now = state;
    const status = supervisionStatus(state);
    if (isTransition(this.#status, status)) {
      if (status.state === "online") this.#wait = PACE_MS[0];
      this.#publish();
    } else if (this.#cancel === undefined && !sameValue(this.#status, status)) {
      this.#cancel = this.#clock.after(this.#wait, () => {
        this.#wait = Math.min(this.#wait * 2, PACE_MS[1]);
        this.#publish();
      });
    }
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #publish(): void {
    this.close();
    const status = supervisionStatus(this.#now);
    if (sameValue(this.#status, status)) return;
    this.#status = status;
    this.#entry = undefined;
    this.#changed();
  }
}

/** The entry of a service: its state and that of all its mounts are one. */
function publishedEntry(declared: ServiceDescriptor, status: SupervisionStatus): ServiceDescriptor {
  return {
    ...declared,
    state: status.state,
    mounts: declared.mounts.map((mount) => ({ ...mount, state: status.state })),
    runtime: { ...declared.runtime, supervision_status: status },
  };
}

/** The entry of a service whose manifest cannot be used as it is now; `undefined` when it can. */
export function faultyEntry(entry: ServiceDescriptor, reason: string | undefined): ServiceDescriptor | undefined {
  if (reason === undefined) return undefined;
  return { ...entry, runtime: { ...entry.runtime, reload_error: shortened(reason) } };
}
