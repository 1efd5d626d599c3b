/**
 * The files of a service that clients write, and what a write does.
 *
 * Each WRITE hands the whole document as it then stands to the service. A
 * payload may come in several writes in a row: while it is the beginning of a
 * JSON object nothing runs, the write that completes it does, and white space
 * behind it does nothing more. Every handle has a document of its own, so two
 * clients that write at the same time do not mix theirs. A write at offset 0
 * begins a new document: what an earlier, longer payload left behind it never
 * mixes with a new one. An empty write leaves the document as it is and hands
 * it over again; TRUNCATE hands over nothing.
 *
 * Here zss is kinder than the reference, which refuses every piece but the
 * last. What the pieces cannot tell, that no more will come, the close does: it
 * refuses a document that ends in the middle.
 *
 * `config.json` shows the configuration in force: a document that is not
 * complete or was refused stays a draft, which no reader sees.
 *
 * @module
 */

import { Draft, DraftShelf, resized, tooManyDrafts } from "./draft.ts";
import type { InvokeAnswer, OperatorOp, ServiceControl, WrittenDocument } from "./service_port.ts";
import type { FileWriter, HandleWriter, SyntheticDirectory, SyntheticFile, SyntheticTree } from "./synthetic_tree.ts";
import type { WriteResult } from "./tree.ts";

const OPERATIONS: readonly OperatorOp[] = ["disable", "enable", "reset", "restart"];

/** Adds `invoke.json` and the files of an operator to `directory`. */
export function addControlFiles(tree: SyntheticTree, directory: SyntheticDirectory, control: ServiceControl): void {
  addTrigger(tree, directory, "invoke.json", {
    take: (document) => control.invoke(document),
    abandoned: (length) => control.abandon("control/invoke.json", length),
  });
  for (const op of OPERATIONS) {
    addTrigger(tree, directory, op, {
      take: () => {
        control.operate(op);
        return Promise.resolve({});
      },
    });
  }
}

function addTrigger(tree: SyntheticTree, directory: SyntheticDirectory, name: string, actions: Actions): void {
  const file: SyntheticFile = tree.addFile(
    directory,
    name,
    new Uint8Array(),
    new DraftedFile({
      ...actions,
      inForce: () => file.content,
      show: (content, what) => tree.emit([tree.replace(file, content, what)]),
    }),
  );
}

/**
 * Makes the writer of `config.json`.
 *
 * @param inForce Reads the content that clients see.
 */
export function configWriter(control: ServiceControl, inForce: () => Uint8Array): FileWriter {
  return new DraftedFile({
    inForce,
    show: () => {},
    take: (document) => {
      control.configure(document);
      return Promise.resolve({});
    },
    abandoned: (length) => control.abandon("config.json", length),
  });
}

/** What the documents of a file are for. */
interface Actions {
  /** Takes the document after a write; throws, or rejects, to refuse it. */
  readonly take: (document: WrittenDocument) => Promise<InvokeAnswer>;
  /** A document of so many bytes was left in the middle; returns the refusal. Absent where no document is wanted. */
  readonly abandoned?: (length: number) => Error;
}

interface DraftedFileDeps extends Actions {
  /** What a handle goes on from that did not write from the beginning. */
  readonly inForce: () => Uint8Array;
  /** Shows what was written. */
  readonly show: (content: Uint8Array, what: "data" | "all") => void;
}

/** A file whose content a service takes when it is complete. */
class DraftedFile implements FileWriter {
  readonly #deps: DraftedFileDeps;
  /** What was written last and is not in force. */
  #last: Draft | undefined;
  #truncations = 0;
  readonly #shelf = new DraftShelf((draft) => {
    if (this.#last === draft) this.#last = undefined;
  });

  constructor(deps: DraftedFileDeps) {
    this.#deps = deps;
  }

  open(): HandleWriter {
    let own: Draft | undefined;
    /** Whether the service has been given `own` as it stands. */
    let isTaken = false;
    let truncations = this.#truncations;
    return {
      write: (offset, bytes) => {
        if (own !== undefined && truncations !== this.#truncations && own.form !== "unfinished") {
          this.#shelf.release(own);
          own = undefined;
        }
        truncations = this.#truncations;
        if (own?.dropped !== undefined && offset > 0 && bytes.length > 0) {
          const isCutOff = own.dropped === "unfinished";
          own = undefined;
          if (isCutOff) throw tooManyDrafts();
        }
        const before = own;
        if (bytes.length === 0) {
          return this.#take(own?.dropped === undefined ? own ?? this.#current() : this.#current(), 0);
        }
        if (offset === 0) {
          if (own !== undefined) this.#shelf.release(own);
          own = new Draft(bytes.slice());
          this.#shelf.keep(own);
        } else {
          const draft = own ?? this.#current();
          const isTail = draft === before && isTaken && offset === draft.length;
          draft.write(offset, bytes);
          own = draft;
          this.#shelf.keep(own);
          if (isTail && draft.form === "whole") {
            this.#deps.show(draft.content, "data");
            return Promise.resolve({ n: bytes.length });
          }
        }
        isTaken = own.form === "whole";
        this.#last = own;
        this.#deps.show(own.content, "data");
        return this.#take(own, bytes.length);
      },
      close: () => {
        if (own !== undefined) this.#shelf.release(own);
        if (own?.form !== "unfinished" || this.#deps.abandoned === undefined) return;
        const { length } = own;
        own = undefined;
        throw this.#deps.abandoned(length);
      },
    };
  }

  truncate(size: number): void {
    const content = resized(this.#current().content, size);
    this.#truncations++;
    this.#last = new Draft(content);
    this.#deps.show(content, "all");
  }

  #current(): Draft {
    return this.#last ?? new Draft(this.#deps.inForce());
  }

  #take(draft: Draft, n: number): Promise<WriteResult> {
    const { form, fault } = draft;
    const content = form === "whole" ? draft.ownBytes() : draft.content;
    const answer = this.#deps.take({ content, form, fault });
    if (form !== "unfinished" && this.#last === draft) this.#last = undefined;
    return answer.then((members) => ({ n, ...members }));
  }
}
