import { buildCommand } from "@stricli/core";
import type { TreeEntry, WorldTree } from "../../control/client/mod.ts";
import { ZssError } from "../../control/protocol/errors.ts";
import { sleep } from "../../drivers/process/clock.ts";
import { Exit } from "../exit.ts";
import { wholeNumber } from "../flags.ts";
import { type EntryChange, entryChanges } from "../fs/entry_changes.ts";
import { below, rooted, withTree } from "../fs/with_tree.ts";
import { treePath } from "../fs/tree_path.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { paintFor } from "../paint.ts";
import { cleanText, outputForm } from "../render/mod.ts";

interface Flags {
  readonly intervalMs: number;
}

/** `zss fs watch` */
export const command = buildCommand<Flags, [string], CliContext>({
  docs: helpPage(`Show what changes at a path of the tree, until Ctrl-C.

The file /events, and that of each node, is a stream: its lines are printed as they
come. Of a directory or another file a line says what was added (+), removed (-) or
changed (~); it is looked at in an interval.

Examples:
  $ zss fs watch /events
  $ zss fs watch /nodes/node-1/fs/work
  $ zss fs watch /nodes/node-1/services/echo/STATUS.json --interval-ms 200`),
  parameters: {
    flags: {
      intervalMs: {
        kind: "parsed",
        parse: wholeNumber(50, 3_600_000),
        brief: "time between two looks",
        default: "1000",
        placeholder: "ms",
      },
    },
    positional: { kind: "tuple", parameters: [treePath("what to watch")] },
  },
  async func({ intervalMs }, given) {
    const { io } = this;
    const path = rooted(given);
    await withTree(this, async (tree) => {
      if (/(?:^|\/)events$/.test(path) && (await tree.stat(path)).kind === "file") {
        for await (const line of tree.follow(path, io.interrupted)) io.stdout.write(`${line}\n`);
      } else await look(this, tree, path, intervalMs);
    });
    if (io.interrupted.aborted) this.setExitCode(Exit.interrupted);
  },
});

async function look({ io, globals }: CliContext, tree: WorldTree, path: string, intervalMs: number): Promise<void> {
  const isJson = outputForm(globals.output) === "json";
  const paint = paintFor(io.stdout, io.env);
  const colors = { "+": paint.green, "-": paint.red, "~": paint.yellow };
  const text = ({ sign, entry }: EntryChange) => `${colors[sign](sign)} ${cleanText(entry.path)}\n`;
  // What is wrong from the beginning is an error; what goes away later is news.
  await tree.stat(path);
  let before = await entriesAt(tree, path);
  io.stderr.write(`watching ${cleanText(path)} (Ctrl+C to stop)\n`);
  while (!io.interrupted.aborted) {
    await sleep(io.clock, intervalMs, io.interrupted);
    if (io.interrupted.aborted) return;
    const now = await entriesAt(tree, path);
    for (const change of entryChanges(before, now)) {
      io.stdout.write(isJson ? `${JSON.stringify({ change: change.sign, ...change.entry })}\n` : text(change));
    }
    before = now;
  }
}

/** What stands at a path and right below it, by path. */
async function entriesAt(tree: WorldTree, path: string): Promise<Map<string, TreeEntry & { path: string }>> {
  try {
    const entry = await tree.stat(path);
    const children = entry.kind === "dir" ? await tree.list(path) : [];
    const all = entry.kind === "dir"
      ? children.map((child) => ({ ...child, path: below(path, child.name) }))
      : [{ ...entry, path }];
    return new Map(all.map((one) => [one.path, one]));
  } catch (error) {
    if (error instanceof ZssError && error.code === "enoent") return new Map();
    throw error;
  }
}
