import { buildCommand } from "@stricli/core";
import { meantPath, nameOf, sendBytes, withTree } from "../fs/with_tree.ts";
import { treePath } from "../fs/tree_path.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { outputForm, printResult } from "../render/mod.ts";

const NEWLINE = 0x0a;

/** `zss fs read` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`Print a file of the tree, byte for byte; on a terminal the last line is ended.

With -o json its content is text where it is UTF-8, and data_b64 where it is not.

Examples:
  $ zss fs read /nodes/node-1/STATUS.json
  $ zss fs read /nodes/node-1/fs/work/photo.jpg > photo.jpg`),
  parameters: {
    positional: { kind: "tuple", parameters: [treePath("file to print")] },
  },
  async func(_flags, given) {
    const form = outputForm(this.globals.output);
    await withTree(this, async (tree) => {
      const path = await meantPath(tree, given);
      if (form === "table" || form === "name") {
        const { stdout } = this.io;
        let last: number | undefined;
        for await (const piece of tree.chunks(path)) {
          last = piece.at(-1) ?? last;
          await sendBytes(stdout, piece);
        }
        // A person's prompt begins on a line of its own; who reads the output gets the bytes as they are.
        if (stdout.isTerminal && last !== undefined && last !== NEWLINE) stdout.write("\n");
        return;
      }
      const bytes = await tree.read(path);
      const value = { path, size: bytes.length, ...contentOf(bytes) };
      await printResult(this, { value, table: [], names: [nameOf(path)] });
    });
  },
});

function contentOf(bytes: Uint8Array): { text: string } | { data_b64: string } {
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { data_b64: bytes.toBase64() };
  }
}
