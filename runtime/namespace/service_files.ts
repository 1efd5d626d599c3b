/**
 * The files through which a service is used: the tree under its mount.
 *
 * This module knows the layout: names, modes, twins, which file is a trigger.
 * What the documents say and what a trigger causes is decided by the service
 * behind them (`runtime/host`), which this module reaches through
 * `service_port.ts`. Nothing can be created, removed or renamed in the tree.
 *
 * Source: docs/service_files.md.
 *
 * @module
 */

import { CallHistory, DEFAULT_HISTORY, type HistoryLimits } from "./call_history.ts";
import type {
  CallContents,
  DocumentFile,
  FileUpdate,
  FirstDocuments,
  ServiceControl,
  ServiceFiles,
  TreeIdentity,
} from "./service_port.ts";
import { type Owner, type SyntheticFile, SyntheticTree } from "./synthetic_tree.ts";
import type { FileTree, TreeChange } from "./tree.ts";
import { addControlFiles, configWriter } from "./trigger_files.ts";

/** What the files take besides the service. */
export interface ServiceFilesOptions {
  /** @default {root, 0 and 0} */
  readonly owner?: Owner;
  /** @default {32 calls, 8 MiB} */
  readonly history?: HistoryLimits;
}

const DOCUMENTS: readonly DocumentFile[] = [
  "README.md",
  "SCHEMA.json",
  "TEMPLATE.json",
  "HOST.json",
  "result.json",
  "last_error.txt",
  "status.json",
  "metrics.json",
  "health.json",
];

/** Names under which the reference shows a document a second time. */
const TWINS: ReadonlyMap<DocumentFile, string> = new Map([
  ["SCHEMA.json", "schema.json"],
  ["TEMPLATE.json", "template.json"],
]);

/** Makes the files of a service; see {@linkcode ServiceFiles}. */
export function createServiceFiles(
  identity: TreeIdentity,
  first: FirstDocuments,
  control: ServiceControl,
  options: ServiceFilesOptions = {},
): ServiceFiles {
  return new SyntheticServiceFiles(identity, first, control, options);
}

class SyntheticServiceFiles implements ServiceFiles {
  readonly #tree: SyntheticTree;
  readonly #history: CallHistory;
  /** Every file that shows a document: one, or it and its twin. */
  readonly #files = new Map<DocumentFile | "config.json", readonly SyntheticFile[]>();

  constructor(identity: TreeIdentity, first: FirstDocuments, control: ServiceControl, options: ServiceFilesOptions) {
    const tree = new SyntheticTree(
      { ...identity, read_only: false, source_kind: "namespace" },
      options.owner ?? { uid: 0, gid: 0 },
      (asker) => control.refusalFor(asker),
    );
    const root = tree.rootDirectory;
    for (const name of DOCUMENTS) {
      const twin = TWINS.get(name);
      const names = twin === undefined ? [name] : [name, twin];
      const content = bytesOf(first[name]);
      this.#files.set(name, names.map((each) => tree.addFile(root, each, content)));
    }
    const config: SyntheticFile = tree.addFile(
      root,
      "config.json",
      bytesOf("{}"),
      configWriter(control, () => config.content),
    );
    this.#files.set("config.json", [config]);
    addControlFiles(tree, tree.addDirectory(root, "control", 0o755), control);
    this.#tree = tree;
    this.#history = new CallHistory(tree, options.history ?? DEFAULT_HISTORY);
  }

  get tree(): FileTree {
    return this.#tree;
  }

  update(updates: readonly FileUpdate[]): void {
    const changes: TreeChange[] = [];
    for (const update of updates) {
      const content = bytesOf(update.content);
      if ("call_id" in update) {
        const change = this.#history.replace(update.call_id, update.file, content);
        if (change !== undefined) changes.push(change);
      } else {
        for (const file of this.#shown(update.file)) changes.push(this.#tree.replace(file, content));
      }
    }
    this.#tree.emit(changes);
  }

  openCall(call_id: string, contents: CallContents): void {
    this.#history.open(call_id, contents);
  }

  closeCall(call_id: string): void {
    this.#history.close(call_id);
  }

  text(file: DocumentFile | "config.json"): string {
    return new TextDecoder().decode(this.#shown(file)[0]?.content);
  }

  #shown(file: DocumentFile | "config.json"): readonly SyntheticFile[] {
    return this.#files.get(file) ?? [];
  }
}

function bytesOf(content: Uint8Array | string): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}
