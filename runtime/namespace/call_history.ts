/**
 * The folder `calls/`: request, result and status of the last runs, each under
 * the id that the writer of `invoke.json` got back.
 *
 * @module
 */

import type { CallContents } from "./service_port.ts";
import type { SyntheticDirectory, SyntheticFile, SyntheticTree } from "./synthetic_tree.ts";
import type { TreeChange } from "./tree.ts";

/** How much is kept. Runs that have not ended are kept in any case. */
export interface HistoryLimits {
  /** Folders. @default {32} */
  readonly calls: number;
  /** Bytes in all of them together; the newest stays even when it is larger. @default {8388608} */
  readonly bytes: number;
}

/** The limits when nobody sets others. */
export const DEFAULT_HISTORY: HistoryLimits = { calls: 32, bytes: 8 * 1_048_576 };

interface CallFolder {
  readonly directory: SyntheticDirectory;
  readonly files: ReadonlyMap<string, SyntheticFile>;
  ended: boolean;
}

/** Keeps the folders of the last calls. */
export class CallHistory {
  readonly #tree: SyntheticTree;
  readonly #directory: SyntheticDirectory;
  readonly #limits: HistoryLimits;
  /** Oldest first. */
  readonly #calls = new Map<string, CallFolder>();

  constructor(tree: SyntheticTree, limits: HistoryLimits) {
    this.#tree = tree;
    this.#limits = limits;
    this.#directory = tree.addDirectory(tree.rootDirectory, "calls", 0o555);
  }

  /** Makes a folder and tells listeners. */
  open(call_id: string, contents: CallContents): void {
    const directory = this.#tree.addDirectory(this.#directory, call_id, 0o555);
    const encoder = new TextEncoder();
    const files = new Map([
      ["request.json", this.#tree.addFile(directory, "request.json", contents.request)],
      ["result.json", this.#tree.addFile(directory, "result.json", encoder.encode(contents.result))],
      ["status.json", this.#tree.addFile(directory, "status.json", encoder.encode(contents.status))],
    ]);
    this.#calls.set(call_id, { directory, files, ended: false });
    this.#evict();
    this.#tree.emit([{ directory: this.#directory.id }]);
  }

  /** Marks a run as ended. */
  close(call_id: string): void {
    const call = this.#calls.get(call_id);
    if (call === undefined) return;
    call.ended = true;
    if (this.#evict()) this.#tree.emit([{ directory: this.#directory.id }]);
  }

  /** Replaces a content; undefined when the folder is gone. Listeners are not told. */
  replace(call_id: string, file: "result.json" | "status.json", content: Uint8Array): TreeChange | undefined {
    const target = this.#calls.get(call_id)?.files.get(file);
    return target === undefined ? undefined : this.#tree.replace(target, content);
  }

  #evict(): boolean {
    let excess = this.#calls.size - this.#limits.calls;
    let bytes = [...this.#calls.values()].reduce((sum, call) => sum + sizeOf(call), 0);
    let evicted = false;
    const newest = [...this.#calls.keys()].at(-1);
    for (const [call_id, call] of this.#calls) {
      if (excess <= 0 && bytes <= this.#limits.bytes) break;
      if (!call.ended || call_id === newest) continue;
      this.#calls.delete(call_id);
      this.#tree.removeDirectory(call.directory);
      excess--;
      bytes -= sizeOf(call);
      evicted = true;
    }
    return evicted;
  }
}

function sizeOf(call: CallFolder): number {
  let bytes = 0;
  for (const file of call.files.values()) bytes += file.content.length;
  return bytes;
}
