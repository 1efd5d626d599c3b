import { buildCommand } from "@stricli/core";
import { meantPath, withTree } from "../fs/with_tree.ts";
import { treePath } from "../fs/tree_path.ts";
import { timeText } from "../answer.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { paintFor } from "../paint.ts";
import { cleanText, printResult } from "../render/mod.ts";
import { modeText } from "../fs/mode_text.ts";
import { sizeText } from "../fs/sizes.ts";

interface Flags {
  readonly long: boolean;
}

/** `zss fs ls` */
export const command = buildCommand<Flags, [string?], CliContext>({
  docs: helpPage(`List a directory of the tree, or name a file.

Examples:
  $ zss fs ls
  $ zss fs ls -l /nodes/node-1/services
  $ zss fs ls /nodes -o name`),
  parameters: {
    flags: { long: { kind: "boolean", brief: "show mode, size and time", default: false } },
    aliases: { l: "long" },
    positional: { kind: "tuple", parameters: [treePath("what to list; the root unless told", { optional: true })] },
  },
  async func({ long }, given = "/") {
    const { io } = this;
    const entries = await withTree(this, async (tree) => {
      const path = await meantPath(tree, given);
      const entry = await tree.stat(path);
      return entry.kind === "dir" ? await tree.list(path) : [entry];
    });
    const paint = paintFor(io.stdout, io.env);
    const shown = ({ name, kind }: typeof entries[number]) => kind === "dir" ? `${name}/` : name;
    if (!long && (this.globals.output ?? "table") === "table") {
      const line = (entry: typeof entries[number]) =>
        entry.kind === "dir" ? paint.bold(cleanText(shown(entry))) : cleanText(shown(entry));
      io.stdout.write(entries.length === 0 ? "(empty)\n" : entries.map((entry) => `${line(entry)}\n`).join(""));
      return;
    }
    await printResult(this, {
      value: entries,
      table: {
        columns: ["MODE", "SIZE", "MODIFIED", "NAME"],
        rows: entries.map((entry) => [
          modeText(entry.mode),
          entry.kind === "dir" ? "-" : sizeText(entry.size),
          entry.mtime_ms === undefined ? "-" : timeText(entry.mtime_ms),
          shown(entry),
        ]),
        empty: "(empty)",
      },
      names: entries.map(shown),
    });
  },
});
