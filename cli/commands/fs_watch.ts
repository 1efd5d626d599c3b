import { buildCommand } from "@stricli/core";
import type { TreeEntry, WorldTree } from "../../control/client/mod.ts";
import { ZssError } from "../../control/protocol/errors.ts";
import { sleep } from "../../drivers/process/clock.ts";
import { usageError } from "../errors.ts";
import { Exit } from "../exit.ts";
import { wholeNumber } from "../flags.ts";
import { type EntryChange, entryChanges } from "../fs/entry_changes.ts";
import { eventsNow, type EventStart, eventStart, isEventStream, linesBehind, requireHeld } from "../fs/event_lines.ts";
import { below, meantPath, rooted, withTree } from "../fs/with_tree.ts";
import { treePath } from "../fs/tree_path.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { paintFor } from "../paint.ts";
import { cleanText, outputForm } from "../render/mod.ts";
import { optionalText } from "../text_flags.ts";

interface Flags {
  readonly intervalMs: number;
  readonly since?: string;
}

/** `zss fs watch` */
export const command = buildCommand<Flags, [string], CliContext>({
  docs: helpPage(`Show what changes at a path of the tree, until Ctrl-C.

The file /events, and that of each node, is a stream: its lines are printed as they
come, from now on; --since brings those before too. Of a directory or another file a
line says what was added (+), removed (-) or changed (~); it is looked at in an
interval.

Examples:
  $ zss fs watch /events
  $ zss fs watch /events --since 0
  $ zss fs watch /nodes/node-1/fs/work
  $ zss fs watch /nodes/node-1/services/echo/STATUS.json --interval-ms 200

Exit status:
  1  refused    3  the server refused to go on    5  events are gone    130  interrupted`),
  parameters: {
    flags: {
      intervalMs: {
        kind: "parsed",
        parse: wholeNumber(50, 3_600_000),
        brief: "time between two looks",
        default: "1000",
        placeholder: "ms",
      },
      since: optionalText("of a stream: go on behind this place; 0 for all that the server holds", "epoch:revision"),
    },
    positional: { kind: "tuple", parameters: [treePath("what to watch")] },
  },
  async func({ intervalMs, since }, given) {
    const { io } = this;
    const start = since === undefined ? undefined : eventStart(since);
    if (start !== undefined && !isEventStream(rooted(given))) {
      throw usageError(`Cannot watch "${given}" with --since: it is no stream of events`, "/events is one");
    }
    await withTree(this, async (tree) => {
      const path = await meantPath(tree, given);
      if (isEventStream(path)) await follow(this, tree, path, start);
      else await look(this, tree, path, intervalMs);
    });
    if (io.interrupted.aborted) this.setExitCode(Exit.interrupted);
  },
});

async function follow({ io }: CliContext, tree: WorldTree, path: string, start?: EventStart): Promise<void> {
  await tree.stat(path);
  const now = await eventsNow(tree.connection);
  if (start !== undefined && now !== undefined) requireHeld(start, now);
  io.stderr.write(`watching ${cleanText(path)} (Ctrl+C to stop)\n`);
  if (start !== undefined && now === undefined) {
    io.stderr.write("note: past events are for admins; what happens from now on is shown\n");
  }
  const behind = now === undefined ? 0 : (start ?? now).revision;
  for await (const line of linesBehind(tree.follow(path, io.interrupted), behind)) {
    // The lines are JSON, which this leaves to mean what it did.
    io.stdout.write(`${cleanText(line)}\n`);
  }
}

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
