/**
 * Which agent and which project the sessions of one connection are bound to.
 *
 * @module
 */

import { ZssError } from "../protocol/errors.ts";

/** The session that every connection has. */
export const MAIN_SESSION = "main";
/** At most so many sessions on one connection. */
const MAX_SESSIONS = 64;

/** What a session is bound to. */
export interface Binding {
  readonly agent_id: string;
  readonly project_id: string | null;
  /** Token of the project as it was given; kept as long as the connection lasts. */
  readonly project_token: string | undefined;
}

/** The sessions of one connection. */
export class Bindings {
  readonly #bindings = new Map<string, Binding>();
  #active = MAIN_SESSION;

  /** @param main What the connection begins with. */
  constructor(main: Binding) {
    this.#bindings.set(MAIN_SESSION, main);
  }

  /** Key of the session that operations are about. */
  get activeKey(): string {
    return this.#active;
  }

  /** What the active session is bound to. */
  get active(): Binding {
    return this.get(this.#active);
  }

  /** What a session is bound to. @throws {ZssError} `not_found`. */
  get(key: string): Binding {
    const binding = this.#bindings.get(key);
    if (binding !== undefined) return binding;
    throw new ZssError("not_found", `Cannot find session "${key}": this connection has none of this key`, {
      path: "/session_key",
      hint: "session_list shows those there are; session_attach makes one",
    });
  }

  /** Key and binding of each session. */
  list(): { readonly key: string; readonly binding: Binding }[] {
    return Array.from(this.#bindings, ([key, binding]) => ({ key, binding }));
  }

  /** Binds a session and makes it the active one. @throws {ZssError} `busy` when there are too many. */
  attach(key: string, binding: Binding): void {
    if (!this.#bindings.has(key) && this.#bindings.size >= MAX_SESSIONS) {
      throw new ZssError("busy", `Cannot attach session "${key}": this connection has ${MAX_SESSIONS} already`, {
        hint: "close one with session_close",
      });
    }
    this.#bindings.set(key, binding);
    this.#active = key;
  }

  /** Makes a session the active one. @throws {ZssError} `not_found`. */
  resume(key: string): Binding {
    const binding = this.get(key);
    this.#active = key;
    return binding;
  }

  /** Ends a session; the main one becomes active if it was. @throws {ZssError} `forbidden` for the main one, `not_found`. */
  close(key: string): void {
    if (key === MAIN_SESSION) {
      throw new ZssError("forbidden", `Cannot close session "${MAIN_SESSION}": it lasts as long as the connection`, {
        path: "/session_key",
        hint: "close the connection instead",
      });
    }
    this.get(key);
    this.#bindings.delete(key);
    if (this.#active === key) this.#active = MAIN_SESSION;
  }
}
