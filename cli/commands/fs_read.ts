import { buildCommand } from "@stricli/core";
import { meantPath, nameOf, sendBytes, withTree } from "../fs/with_tree.ts";
import { treePath } from "../fs/tree_path.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { outputForm, printResult } from "../render/mod.ts";

/** `zss fs read` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`Print a file of the tree, byte for byte.

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
        for await (const piece of tree.chunks(path)) await sendBytes(this.io.stdout, piece);
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
