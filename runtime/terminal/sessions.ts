/**
 * The sessions of one terminal service.
 *
 * @module
 */

import { Errno, errorText, FsError } from "../../control/protocol/mod.ts";
import {
  type CancelTimer,
  openPty as openRealPty,
  type Pty,
  type PtyOptions,
  type PtySupport,
} from "../../drivers/process/mod.ts";
import { findProgram, loginShell, shellOf, type TerminalDeps } from "./programs.ts";
import { InvalidPayload, type OpenRequest, readOpenRequest } from "./request.ts";
import { Session, type SessionEnd } from "./session.ts";

/** Sessions of one terminal that may be open at the same time. */
export const MAX_SESSIONS = 8;

/** How long the files of a session stay when it has ended, in milliseconds. */
export const KEPT_MS = 60_000;

/** Sessions that have ended and whose files stay. */
const MAX_KEPT = 8;

/** What sessions take from outside besides what every command does. */
export interface SessionsDeps extends TerminalDeps {
  /** Makes an id that was not used before and cannot be guessed. */
  readonly createId: () => string;
  /** Whether this machine has pseudo terminals. */
  readonly support: PtySupport;
  /** @default {the real one} */
  readonly openPty?: (options: PtyOptions) => Pty;
}

/** What happened to a session. */
export type SessionChange = "opened" | "changed" | "removed";

/** The sessions of one terminal. */
export class Sessions {
  readonly #deps: SessionsDeps;
  /** In the order in which they were opened. */
  readonly #sessions = new Map<string, Session>();
  readonly #removals = new Map<string, CancelTimer>();
  readonly #listeners = new Set<(session: Session, change: SessionChange) => void>();

  constructor(deps: SessionsDeps) {
    this.#deps = deps;
  }

  /** Those that run, and those that ended a short while ago. */
  get all(): readonly Session[] {
    return [...this.#sessions.values()];
  }

  /**
   * Opens a session.
   *
   * @param document What was written to `pty/open.json`.
   * @throws {FsError} `ENOSYS` when the machine has no pseudo terminals, `EINVAL` for a document that is none,
   * `EAGAIN` when too many are open, `EIO` when the program cannot be started.
   */
  open(document: Uint8Array): Session {
    const { support, os } = this.#deps;
    if (!support.available) {
      throw new FsError(Errno.ENOSYS, `operation not supported: this node opens no sessions: ${support.reason}`);
    }
    let request: OpenRequest;
    try {
      request = readOpenRequest(document, shellOf(os));
    } catch (error) {
      if (!(error instanceof InvalidPayload)) throw error;
      throw new FsError(Errno.EINVAL, `invalid argument: ${error.message}`);
    }
    const open = this.all.filter(({ isOver }) => !isOver).length;
    if (open >= MAX_SESSIONS) throw new FsError(Errno.EAGAIN, `would block: ${open} sessions are open`);
    const session = this.#start(request);
    this.#sessions.set(session.id, session);
    this.#tell(session, "opened");
    session.ended.then(() => this.#keepForAWhile(session));
    return session;
  }

  /** Ends every session, all at the same time. */
  async closeAll(reason: SessionEnd): Promise<void> {
    await Promise.all(this.all.map((session) => session.close(reason)));
  }

  /** Ends every session and takes their files away. */
  async dispose(): Promise<void> {
    const sessions = [...this.all];
    await this.closeAll("service");
    for (const session of sessions) this.#remove(session);
  }

  /** Calls `listener` after each change. */
  onChange(listener: (session: Session, change: SessionChange) => void): void {
    this.#listeners.add(listener);
  }

  #start({ cols, rows, ...command }: OpenRequest): Session {
    const { clock, createId, os, openPty = openRealPty } = this.#deps;
    const argv = command.argv ?? loginShell(this.#deps);
    const program = findProgram({ ...command, argv }, this.#deps);
    if ("problem" in program) throw new FsError(Errno.EIO, `input/output error: ${program.problem}`);
    const size = { cols, rows };
    let pty: Pty;
    try {
      pty = openPty({ ...program, env: { TERM: "xterm-256color", ...program.env }, size, os });
    } catch (error) {
      throw new FsError(Errno.EIO, `input/output error: ${errorText(error)}`);
    }
    const session: Session = new Session({
      id: createId(),
      pty,
      argv,
      cwd: program.cwd,
      size,
      clock,
      onChange: () => this.#tell(session, "changed"),
    });
    return session;
  }

  #keepForAWhile(session: Session): void {
    if (!this.#sessions.has(session.id)) return;
    this.#removals.set(session.id, this.#deps.clock.after(KEPT_MS, () => this.#remove(session)));
    const kept = this.all.filter(({ isOver }) => isOver);
    for (const old of kept.slice(0, Math.max(0, kept.length - MAX_KEPT))) this.#remove(old);
  }

  #remove(session: Session): void {
    this.#removals.get(session.id)?.();
    this.#removals.delete(session.id);
    if (this.#sessions.delete(session.id)) this.#tell(session, "removed");
  }

  #tell(session: Session, change: SessionChange): void {
    for (const listener of this.#listeners) listener(session, change);
  }
}
