import { buildCommand } from "@stricli/core";
import { usageError } from "../errors.ts";
import { Exit } from "../exit.ts";
import { wholeNumber } from "../flags.ts";
import { meantPath, withTree } from "../fs/with_tree.ts";
import { treePath } from "../fs/tree_path.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { paintFor } from "../paint.ts";
import { cleanText, outputForm, printResult } from "../render/mod.ts";

interface Flags {
  readonly maxDepth: number;
  readonly filesOnly: boolean;
  readonly dirsOnly: boolean;
}

/** `zss fs tree` */
export const command = buildCommand<Flags, [string?], CliContext>({
  docs: helpPage(`Show a directory of the tree with all that is in it.

A directory that cannot be listed, because its node is not connected, is named on
standard error; the exit status is then 1. What is behind a symbolic link is not
shown; one that leads to a directory ends in @.

Examples:
  $ zss fs tree
  $ zss fs tree /nodes/node-1 --max-depth 2
  $ zss fs tree /nodes/node-1/fs/work --files-only -o name`),
  parameters: {
    flags: {
      maxDepth: {
        kind: "parsed",
        parse: wholeNumber(1, 512),
        brief: "how deep",
        default: "8",
        placeholder: "n",
      },
      filesOnly: { kind: "boolean", brief: "leave directories out", default: false },
      dirsOnly: { kind: "boolean", brief: "leave files out", default: false },
    },
    positional: { kind: "tuple", parameters: [treePath("where to begin; the root unless told", { optional: true })] },
  },
  async func({ maxDepth, filesOnly, dirsOnly }, given = "/") {
    if (filesOnly && dirsOnly) {
      throw usageError("Cannot use --files-only and --dirs-only together: nothing would be left");
    }
    const { io } = this;
    const form = outputForm(this.globals.output);
    const paint = paintFor(io.stdout, io.env);
    const found: { path: string; kind: string; size: number; link?: true }[] = [];
    const counts = { dir: 0, file: 0 };
    let isWhole = true;
    await withTree(this, async (tree) => {
      const root = await meantPath(tree, given);
      if (form === "table") io.stdout.write(`${paint.bold(cleanText(root))}\n`);
      const trouble = (path: string, error: Error) => {
        isWhole = false;
        io.stderr.write(`note: ${cleanText(path)} is left out: ${cleanText(error.message)}\n`);
      };
      let lines = "";
      for await (const { path, entry: { name, kind, size, link } } of tree.descend(root, maxDepth, trouble)) {
        counts[kind]++;
        if (kind === "dir" ? filesOnly : dirsOnly) continue;
        if (form !== "table") found.push({ path, kind, size, ...(link === true ? { link } : {}) });
        else {
          const depth = path.slice(root === "/" ? 0 : root.length).split("/").length - 1;
          const label = kind === "dir" ? paint.bold(`${cleanText(name)}${link === true ? "@" : "/"}`) : cleanText(name);
          lines += `${"  ".repeat(depth)}${label}\n`;
          if (lines.length > 16_384) {
            io.stdout.write(lines);
            lines = "";
          }
        }
      }
      io.stdout.write(lines);
    });
    if (form !== "table") {
      await printResult(this, { value: found, table: [], names: found.map(({ path }) => path) });
    } else if (io.stdout.isTerminal) {
      io.stdout.write(paint.dim(`\n${counts.dir} directories, ${counts.file} files\n`));
    }
    if (!isWhole) this.setExitCode(Exit.problems);
  },
});
