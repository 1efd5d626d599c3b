import { buildCommand } from "@stricli/core";
import type { WorldTree } from "../../control/client/mod.ts";
import { markedPaths } from "../completion/tree_paths.ts";
import { usageError } from "../errors.ts";
import { copyAll, type Place } from "../fs/copy.ts";
import { ProgressLine } from "../fs/progress.ts";
import { localSide, treeSide } from "../fs/sides.ts";
import { sizeText } from "../fs/sizes.ts";
import { meantPath, withTree } from "../fs/with_tree.ts";
import { Exit } from "../exit.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { nonEmpty } from "../flags.ts";
import { cleanText, printResult } from "../render/mod.ts";

/** So many of what is left out are named. */
const SHOWN = 20;

interface Flags {
  readonly recursive: boolean;
}

/** `zss fs cp` */
export const command = buildCommand<Flags, string[], CliContext>({
  docs: helpPage(
    `Copy files between this machine and the tree, or within the tree.

A path that begins with a colon is one of the tree, every other one is of this
machine. On this machine a file is whole or not there; in the tree a copy that
fails leaves what was written. Symbolic links are followed where they are named;
those in a folder are left out, and counted on standard error; so are pipes, sockets
and names that are no UTF-8. A file in a folder that cannot be read is noted there,
and the rest is copied: exit 1.

Examples:
  $ zss fs cp photo.jpg :/nodes/node-1/fs/work
  $ zss fs cp -r :/nodes/node-1/fs/work/logs ./logs
  $ zss fs cp :/nodes/node-1/fs/work/a.txt :/nodes/node-2/fs/work/b.txt`,
    "[--recursive] <source>... <target>",
  ),
  parameters: {
    flags: { recursive: { kind: "boolean", brief: "copy directories with what is in them", default: false } },
    aliases: { r: "recursive" },
    positional: {
      kind: "array",
      parameter: {
        parse: nonEmpty,
        brief: "what to copy, and last where to",
        placeholder: "path",
        proposeCompletions(partial) {
          return markedPaths(this, partial);
        },
      },
      minimum: 2,
    },
  },
  async func({ recursive }, ...paths) {
    const { io } = this;
    if (!paths.some((path) => path.startsWith(":"))) {
      throw usageError("Cannot copy: no path is one of the tree", "those begin with a colon, :/nodes/node-1/fs/work");
    }
    const line = new ProgressLine(io.stderr, io.clock);
    const copied = await withTree(this, async (tree) => {
      const places = await Promise.all(paths.map((path) => placeOf(path, tree)));
      const target = places.pop();
      if (target === undefined) throw usageError("Cannot copy: say where to");
      try {
        return await copyAll(places, { ...target, isFolder: paths.at(-1)?.endsWith("/") === true }, recursive, {
          begin: () => line.begin(),
          progress: (path, done, total) => line.show(path, done, total),
          end: (path, bytes) => {
            line.clear();
            if (this.globals.verbose) io.stderr.write(`${cleanText(path)} ${sizeText(bytes)}\n`);
          },
        });
      } finally {
        line.clear();
      }
    });
    const { files, bytes, links, left_out, failed } = copied;
    if (links > 0) io.stderr.write(`note: ${links} symbolic link${links === 1 ? " is" : "s are"} left out\n`);
    if (left_out.length > 0) {
      io.stderr.write(`note: left out, for they are no files or their names no UTF-8: ${listed(left_out)}\n`);
    }
    for (const { message } of failed) io.stderr.write(`note: ${cleanText(message)}\n`);
    if (failed.length > 0) {
      io.stderr.write(`note: ${failed.length} could not be copied\n`);
      this.setExitCode(Exit.problems);
    }
    await printResult(this, {
      value: copied,
      table: [`copied ${files} file${files === 1 ? "" : "s"}, ${sizeText(bytes)}`],
      names: [],
    });
  },
});

/** How many, and which; the first of very many. */
function listed(paths: readonly string[]): string {
  const shown = paths.slice(0, SHOWN).map((path) => cleanText(path)).join(", ");
  return `${paths.length} (${shown}${paths.length > SHOWN ? ", ..." : ""})`;
}

async function placeOf(path: string, tree: WorldTree): Promise<Place> {
  if (!path.startsWith(":")) return { side: localSide, path };
  return { side: treeSide(tree), path: await meantPath(tree, path.slice(1)) };
}
