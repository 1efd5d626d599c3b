/**
 * What the audit log says about a client of the relay: each time a service was
 * made to do something, and what was refused.
 *
 * @module
 */

import { isObject } from "../protocol/envelope.ts";
import type { ZssError } from "../protocol/errors.ts";
import { Errno, FsError, serviceOfTree } from "../protocol/fs.ts";
import type { FsFrame } from "../protocol/fs_frames.ts";
import type { Clock } from "../../drivers/process/clock.ts";
import { Budget } from "../sessions/budget.ts";
import { type Touch, UNKNOWN } from "./client_files.ts";
import type { ClientRequest } from "./client_request.ts";
import type { RelayAccess, Speaker } from "./node_peer.ts";
import { driverFailed, isOperated, MAX_ID_CHARS, targetOf, targetOfHandle } from "./service_writes.ts";

/** So many refusals of one connection are written down a minute; invokes all are. */
const REFUSALS = 60;
const MINUTE_MS = 60_000;

/** Who is written about, to whom it is told. */
export interface NotesParts {
  readonly clock: Clock;
  readonly note: (access: RelayAccess) => void;
  readonly nodeId: string;
  readonly speaker: Speaker;
  readonly agentId: string | null;
}

/** The notes about one connection. */
export class ClientNotes {
  readonly #parts: NotesParts;
  readonly #refusals: Budget;
  /** Handles of files of which nothing is known, that were written to and noted already. */
  readonly #noted = new Set<string>();

  constructor(parts: NotesParts) {
    this.#parts = parts;
    this.#refusals = new Budget(parts.clock, REFUSALS, MINUTE_MS);
  }

  /** The write that a request wants of a service, or of a file of which nothing is known. */
  writeOf({ op }: ClientRequest, touches: readonly Touch[]): Touch | undefined {
    if (op !== "fs_write") return undefined;
    return touches.find((touch) => touch.tree === "" || isOperation(touch)) ??
      (touches.length === 0 ? { ...UNKNOWN, act: "write" } : undefined);
  }

  /** Notes that somebody was refused. */
  refused(request: ClientRequest, touch: Touch, error: FsError, rule: string): void {
    if (this.#refusals.take()) this.#note(request, touch, { error, rule });
  }

  /** Notes that nobody knows what became of a write. */
  unanswered(request: ClientRequest, touch: Touch): void {
    if (touch.tree !== "") this.#note(request, touch, { error: new FsError(Errno.EIO, "no answer") });
  }

  /** Notes what a node says about a write. */
  answered(request: ClientRequest, touch: Touch, frame: FsFrame, permittedBy: string | null): void {
    const rule = permittedBy === null ? {} : { rule: permittedBy };
    const { error } = frame.members;
    const callId = isObject(frame.payload) ? frame.payload["call_id"] : undefined;
    const state = isObject(frame.payload) ? frame.payload["state"] : undefined;
    const failed = state === "error" ? { error: driverFailed() } : {};
    if (typeof callId === "string") return this.#note(request, touch, { callId, ...rule, ...failed });
    if (touch.tree === "") return this.#wroteUnknown(request, touch, isObject(error));
    if (!isObject(error)) {
      if (!touch.path.endsWith("invoke.json")) this.#note(request, touch, rule);
      return;
    }
    const errno = Object.values(Errno).find((one) => one === error["errno"]) ?? Errno.EIO;
    // A document that is not complete yet is no invoke.
    if (errno !== Errno.EINVAL) this.#note(request, touch, { error: new FsError(errno, String(error["message"])) });
  }

  /** A write through a number that the client did not get here, which only those can use who reach everything. */
  #wroteUnknown(request: ClientRequest, touch: Touch, isError: boolean): void {
    const { handle } = request;
    if (isError || handle === undefined || this.#noted.has(handle) || this.#noted.size >= 1_024) return;
    this.#noted.add(handle);
    this.#note(request, touch, { rule: "a file that was opened by its number was written to" });
  }

  #note(
    request: ClientRequest,
    touch: Touch,
    { error, rule, callId }: { readonly error?: FsError | ZssError; readonly rule?: string; readonly callId?: string },
  ): void {
    const { note, nodeId, speaker, agentId } = this.#parts;
    const isService = serviceOfTree(touch.tree) !== undefined || callId !== undefined;
    note({
      what: isService && touch.act === "write" ? "invoke" : "files",
      speaker,
      agentId,
      nodeId,
      target: touch.tree === "" ? targetOfHandle(nodeId, request.handle) : targetOf(nodeId, touch.tree, touch.path),
      // The node's word, however long it is.
      correlationId: (callId ?? `${request.op} ${request.tag}`).slice(0, MAX_ID_CHARS),
      ...(error === undefined ? {} : { error }),
      ...(rule === undefined ? {} : { rule }),
    });
  }
}

/** Whether a service does something because of it. */
function isOperation({ tree, path, act }: Touch): boolean {
  return act === "write" && serviceOfTree(tree) !== undefined && isOperated(path);
}
