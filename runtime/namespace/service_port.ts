/**
 * How the files of a service and the service behind them speak to each other.
 *
 * The files know the layout (`service_files.ts`); the service knows the driver,
 * the rules and what the documents say (`runtime/host`). A write to a trigger
 * file becomes a call of {@linkcode ServiceControl}; what follows from it comes
 * back through {@linkcode ServiceFiles}.
 *
 * @module
 */

import { Errno, FsError } from "../../control/protocol/fs.ts";
import type { FsAsker } from "../../control/protocol/fs_frames.ts";
import type { FileTree, WriteResult } from "./tree.ts";

/** Files that only the node writes. The lower-case twins of SCHEMA and TEMPLATE follow them. */
export type DocumentFile =
  | "README.md"
  | "SCHEMA.json"
  | "TEMPLATE.json"
  | "HOST.json"
  | "result.json"
  | "last_error.txt"
  | "status.json"
  | "metrics.json"
  | "health.json";

/** What an operator does by writing to the file of that name in `control/`. */
export type OperatorOp = "enable" | "disable" | "restart" | "reset";

/** A new content of a file, of the service or of one of its calls. */
export type FileUpdate =
  | { readonly file: DocumentFile | "config.json"; readonly content: Uint8Array | string }
  | { readonly call_id: string; readonly file: "result.json" | "status.json"; readonly content: Uint8Array | string };

/** The first contents of a folder in `calls/`. */
export interface CallContents {
  readonly request: Uint8Array;
  readonly result: string;
  readonly status: string;
}

/** What the writer of `control/invoke.json` learns besides the number of bytes; `{}` when nothing ran. */
export type InvokeAnswer = Omit<WriteResult, "n">;

/** A file that takes a JSON object. */
export type PayloadFile = "control/invoke.json" | "config.json";

/**
 * What a text is: nothing but white space, the beginning of an object, an
 * object, or something that nothing could make one by following it.
 */
export type JsonForm = "blank" | "unfinished" | "whole" | "broken";

/** A document as it stands after a write. */
export interface WrittenDocument {
  /** All of it. Nobody changes these bytes any more. */
  readonly content: Uint8Array;
  readonly form: JsonForm;
  /** What is wrong with a broken document, one phrase. */
  readonly fault: string;
}

/** The refusal of a document, also of `config.json`. */
export function invalidPayload(reason: string, cause?: unknown): FsError {
  return new FsError(Errno.EINVAL, `service invoke payload invalid: ${reason}`, { cause });
}

/** What a write to a trigger file does. A method throws an `FsError` for a refusal. */
export interface ServiceControl {
  /**
   * Runs the service once.
   *
   * Resolves when the run has ended and its files are shown, or earlier with
   * `state: "running"`. A run that failed is no refusal: it is answered with
   * `state: "error"`. A document that is not finished runs nothing, and is
   * refused when no run could begin now.
   */
  invoke(document: WrittenDocument): Promise<InvokeAnswer>;
  operate(op: OperatorOp): void;
  /** Why the service is not for somebody, for whom a server asks. */
  refusalFor(asker: FsAsker): string | undefined;
  /** Takes a new `config.json`, when it is finished, and shows it; the old one stays when this throws. */
  configure(document: WrittenDocument): void;
  /** Hears that whoever wrote a document has gone in the middle of it, after so many bytes; returns the refusal. */
  abandon(file: PayloadFile, length: number): FsError;
}

/** The files of one service as the service sees them. */
export interface ServiceFiles {
  readonly tree: FileTree;
  /** Replaces contents, all of them before the first listener hears of one. Listeners hear of them in this order. */
  update(updates: readonly FileUpdate[]): void;
  /** Makes the folder `calls/<call_id>`; finished calls beyond the limits go, the oldest first. */
  openCall(call_id: string, contents: CallContents): void;
  /** Says that the call has ended, so that its folder may go when the limits want it. */
  closeCall(call_id: string): void;
  /** Content of a file as text; bytes that are no UTF-8 are replaced. */
  text(file: DocumentFile | "config.json"): string;
}

/** The contents of a service that was never used; `config.json` is `{}`. */
export type FirstDocuments = Readonly<Record<DocumentFile, string>>;

/** Makes the files of a service. */
export type CreateServiceFiles = (
  identity: TreeIdentity,
  first: FirstDocuments,
  control: ServiceControl,
) => ServiceFiles;

/** What the export list says about the tree of a service. */
export interface TreeIdentity {
  /** Name of the export, for example `svc-echo`. */
  readonly name: string;
  readonly description: string;
  /** For example `service:echo`. */
  readonly source_id: string;
}
