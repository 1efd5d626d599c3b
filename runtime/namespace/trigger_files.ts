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

import { Draft, DraftShelf, requireFit, resized, tooManyDrafts } from "./draft.ts";
import {
  invalidPayload,
  type InvokeAnswer,
  type OperatorOp,
  type ServiceControl,
  type WrittenDocument,
} from "./service_port.ts";
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
  /** What everybody reads. */
  readonly inForce: () => Uint8Array;
  /** Shows what was written. */
  readonly show: (content: Uint8Array, what: "data" | "all") => void;
}

/**
 * A file whose content a service takes when it is complete. What a handle has not finished nobody else sees, and nobody
 * else goes on from it.
 */
class DraftedFile implements FileWriter {
  readonly #deps: DraftedFileDeps;
  /** What a truncation has left, for whoever goes on from there; until something whole is written. */
  #left: Uint8Array | undefined;
  #truncations = 0;
  readonly #shelf = new DraftShelf();

  constructor(deps: DraftedFileDeps) {
    this.#deps = deps;
  }

  open(): HandleWriter {
    let own: Draft | undefined;
    /** Whether the service has been given `own` as it stands. */
    let isTaken = false;
    let truncations = this.#truncations;
    const forget = () => {
      if (own !== undefined) this.#shelf.release(own);
      own = undefined;
    };
    return {
      write: async (offset, bytes) => {
        if (own !== undefined && truncations !== this.#truncations && own.form !== "unfinished") forget();
        truncations = this.#truncations;
        if (own?.dropped !== undefined && (offset > 0 || bytes.length === 0)) {
          const isCutOff = own.dropped === "unfinished" && bytes.length > 0;
          own = undefined;
          if (isCutOff) throw tooManyDrafts();
        }
        if (bytes.length === 0) return await this.#take(own ?? new Draft(this.#deps.inForce()), 0);
        const before = own;
        const draft = this.#written(before, offset, bytes);
        const isTail = draft === before && isTaken && offset + bytes.length === draft.length && draft.form === "whole";
        if (draft !== before) forget();
        own = draft;
        this.#shelf.keep(draft);
        isTaken = draft.form === "whole";
        if (draft.form !== "unfinished") {
          this.#left = undefined;
          this.#deps.show(draft.content, "data");
        }
        if (isTail) return { n: bytes.length };
        try {
          return await this.#take(draft, bytes.length);
        } catch (error) {
          // Who is refused at the first piece has begun nothing that a close could tell of.
          if (draft !== before && own === draft && draft.form === "unfinished") forget();
          throw error;
        }
      },
      close: () => {
        const left = own;
        forget();
        if (left?.form === "unfinished" && this.#deps.abandoned !== undefined) {
          throw this.#deps.abandoned(left.length);
        }
      },
    };
  }

  truncate(size: number): void {
    const content = resized(this.#left ?? this.#deps.inForce(), size);
    this.#truncations++;
    this.#left = content;
    this.#deps.show(content, "all");
  }

  /** The document that a piece makes of the one of its handle, or begins. @throws {FsError} `EINVAL`, `ENOSPC`. */
  #written(own: Draft | undefined, offset: number, bytes: Uint8Array): Draft {
    requireFit(offset + bytes.length);
    if (offset === 0) return new Draft(bytes.slice());
    const draft = own ?? new Draft(this.#base(offset));
    draft.write(offset, bytes);
    return draft;
  }

  /** What a handle goes on from that did not write the beginning: never the text of somebody else. */
  #base(offset: number): Uint8Array {
    const { abandoned, inForce } = this.#deps;
    if (this.#left !== undefined) return this.#left;
    if (abandoned === undefined) return inForce();
    throw invalidPayload(`it begins at byte ${offset}, and a payload begins at byte 0 of the same open file`);
  }

  async #take(draft: Draft, n: number): Promise<WriteResult> {
    const { form, fault } = draft;
    const content = form === "whole" ? draft.ownBytes() : draft.content;
    return { n, ...await this.#deps.take({ content, form, fault }) };
  }
}
