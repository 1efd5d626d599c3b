import { buildCommand } from "@stricli/core";
import { readFile } from "node:fs/promises";
import { errorText } from "../../control/protocol/errors.ts";
import { usageError } from "../errors.ts";
import { nonEmpty } from "../flags.ts";
import { rooted, withTree } from "../fs/with_tree.ts";
import { treePath } from "../fs/tree_path.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { printResult } from "../render/mod.ts";
import { optionalText } from "../text_flags.ts";

interface Flags {
  readonly append: boolean;
  readonly create: boolean;
  readonly from?: string | undefined;
}

/** `zss fs write` */
export const command = buildCommand<Flags, string[], CliContext>({
  docs: helpPage(`Write a file of the tree: the words of the command line, the file that --from names, or else
standard input, byte for byte.

Words are joined by spaces, and no line end is added. What is written to a service's
control/invoke.json runs it.

Examples:
  $ zss fs write /nodes/node-1/echo/control/invoke.json '{"text":"hello"}'
  $ tar cz src | zss fs write /nodes/node-1/fs/work/src.tgz
  $ echo done | zss fs write --append /nodes/node-1/fs/work/log.txt
  $ zss fs write /nodes/node-1/fs/work/a.txt -- --words that look like flags`),
  parameters: {
    flags: {
      append: { kind: "boolean", brief: "add to the end", default: false },
      create: { kind: "boolean", brief: "make the file when there is none", default: true },
      from: optionalText("file of this machine to read", "file"),
    },
    aliases: { a: "append" },
    positional: {
      kind: "array",
      parameter: { ...treePath("file to write, then what to write"), parse: String, placeholder: "path-and-words" },
      minimum: 1,
    },
  },
  async func({ append, create, from }, given = "", ...words) {
    const path = rooted(nonEmpty(given));
    const content = await contentOf(this, words, from);
    const reply = await withTree(this, (tree) => tree[append ? "append" : "write"](path, content, { create }));
    const size = content.length;
    const { call_id, state } = reply;
    await printResult(this, {
      value: { path, size, ...(call_id === undefined ? {} : { call_id }), ...(state === undefined ? {} : { state }) },
      table: [
        `wrote ${size} byte${size === 1 ? "" : "s"}`,
        ...(call_id === undefined ? [] : [`call ${call_id}${state === undefined ? "" : ` is ${state}`}`]),
      ],
      names: [call_id ?? path],
    });
  },
});

async function contentOf({ io }: CliContext, words: readonly string[], from: string | undefined): Promise<Uint8Array> {
  if (words.length > 0 && from !== undefined) {
    throw usageError("Cannot write both the words of the command line and a file: leave one out");
  }
  if (words.length > 0) return new TextEncoder().encode(words.join(" "));
  if (from === undefined) return await io.readStdin();
  try {
    return await readFile(from);
  } catch (error) {
    throw usageError(`Cannot read "${from}": ${errorText(error)}`);
  }
}
