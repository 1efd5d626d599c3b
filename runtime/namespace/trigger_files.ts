/**
 * The files of a service that clients write, and what a write does.
 *
 * Each WRITE hands the whole document as it then stands to the service, so a
 * payload may come in several writes in a row. A write at offset 0 begins a new
 * document: what an earlier, longer payload left behind it never mixes with a
 * new one. An empty write leaves the document as it is and hands it over again;
 * TRUNCATE hands over nothing.
 *
 * `config.json` shows the configuration in force: a document that is not
 * complete or was refused stays a draft, which no reader sees.
 *
 * @module
 */

import { Errno, FsError } from "../../control/protocol/fs.ts";
import type { InvokeAnswer, OperatorOp, ServiceControl } from "./service_port.ts";
import type { FileWriter, SyntheticDirectory, SyntheticFile, SyntheticTree } from "./synthetic_tree.ts";

/** Most bytes in a file that clients write. */
export const MAX_DOCUMENT_BYTES = 1_048_576;

const OPERATIONS: readonly OperatorOp[] = ["disable", "enable", "reset", "restart"];

/** Adds `invoke.json` and the files of an operator to `directory`. */
export function addControlFiles(tree: SyntheticTree, directory: SyntheticDirectory, control: ServiceControl): void {
  addTrigger(tree, directory, "invoke.json", (content) => control.invoke(content));
  for (const op of OPERATIONS) {
    addTrigger(tree, directory, op, () => {
      control.operate(op);
      return Promise.resolve({});
    });
  }
}

function addTrigger(
  tree: SyntheticTree,
  directory: SyntheticDirectory,
  name: string,
  trigger: (content: Uint8Array) => Promise<InvokeAnswer>,
): void {
  const file: SyntheticFile = tree.addFile(directory, name, new Uint8Array(), {
    async write(offset, bytes) {
      tree.emit([tree.replace(file, spliced(file.content, offset, bytes))]);
      return { n: bytes.length, ...await trigger(file.content) };
    },
    truncate(size) {
      tree.emit([tree.replace(file, resized(file.content, size), "all")]);
    },
  });
}

/**
 * Makes the writer of `config.json`.
 *
 * @param inForce Reads the content that clients see.
 */
export function configWriter(control: ServiceControl, inForce: () => Uint8Array): FileWriter {
  let draft: Uint8Array | undefined;
  return {
    write(offset, bytes) {
      draft = spliced(draft ?? inForce(), offset, bytes);
      control.configure(draft);
      draft = undefined;
      return Promise.resolve({ n: bytes.length });
    },
    truncate(size) {
      draft = resized(draft ?? inForce(), size);
    },
  };
}

/** The document after a write; the bytes are copied, since the caller may use its buffer again. */
function spliced(document: Uint8Array, offset: number, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return document;
  const end = offset + bytes.length;
  requireFit(end);
  if (offset === 0) return bytes.slice();
  const next = new Uint8Array(Math.max(document.length, end));
  next.set(document);
  next.set(bytes, offset);
  return next;
}

function resized(document: Uint8Array, size: number): Uint8Array {
  requireFit(size);
  const next = new Uint8Array(size);
  next.set(document.subarray(0, size));
  return next;
}

function requireFit(size: number): void {
  if (size <= MAX_DOCUMENT_BYTES) return;
  throw new FsError(Errno.ENOSPC, `no space left: a file here holds at most ${MAX_DOCUMENT_BYTES} bytes`);
}
