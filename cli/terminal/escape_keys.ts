/**
 * Finds the keys by which a person leaves a session, among those meant for the
 * far side: a tilde at the beginning of a line, and then a dot.
 *
 * @module
 */

const TILDE = 0x7e;
const DOT = 0x2e;
const QUESTION = 0x3f;
const LINE_ENDS = new Set([0x0a, 0x0d]);

/** What to do with keys that were pressed. */
export interface Keys {
  /** What goes to the far side. */
  readonly send: Uint8Array;
  /** Whether the person wants to leave; what was pressed after that is dropped. */
  readonly leave: boolean;
  /** Whether the person asks which escapes there are. */
  readonly help: boolean;
}

/** Reads keys; a line and an escape may come in several pieces. */
export class EscapeKeys {
  #state: "line" | "begin" | "tilde" = "begin";

  feed(keys: Uint8Array): Keys {
    const send: number[] = [];
    let help = false;
    for (const key of keys) {
      if (this.#state === "begin" && key === TILDE) {
        this.#state = "tilde";
        continue;
      }
      if (this.#state === "tilde") {
        this.#state = "begin";
        if (key === DOT) return { send: new Uint8Array(send), leave: true, help };
        if (key === QUESTION) {
          help = true;
          continue;
        }
        // A second tilde stands for one; with any other key it was an ordinary one.
        send.push(TILDE);
        if (key === TILDE) {
          this.#state = "line";
          continue;
        }
      }
      send.push(key);
      this.#state = LINE_ENDS.has(key) ? "begin" : "line";
    }
    return { send: new Uint8Array(send), leave: false, help };
  }
}
