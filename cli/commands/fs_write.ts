import { buildCommand } from "@stricli/core";
import { readFile } from "node:fs/promises";
import type { WorldTree } from "../../control/client/mod.ts";
import { errorText, ZssError } from "../../control/protocol/errors.ts";
import { isObject } from "../../control/protocol/envelope.ts";
import { parseJson } from "../../control/protocol/json.ts";
import { usageError } from "../errors.ts";
import { Exit } from "../exit.ts";
import { nonEmpty } from "../flags.ts";
import { meantPath, rooted, withTree } from "../fs/with_tree.ts";
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
  docs: helpPage(
    `Write a file of the tree: the words of the command line, the file that --from names, or else
standard input, byte for byte.

Words are joined by spaces, and no line end is added. What is written to a service's
control/invoke.json runs it; how the run ended is printed, and when the driver failed
the exit status is 6; an empty payload is refused. What --append adds goes to the end of the file as it is then, so
several may add to one.

Examples:
  $ zss fs write /nodes/node-1/echo/control/invoke.json '{"text":"hello"}'
  $ tar cz src | zss fs write /nodes/node-1/fs/work/src.tgz
  $ echo done | zss fs write --append /nodes/node-1/fs/work/log.txt
  $ zss fs write /nodes/node-1/fs/work/a.txt -- --words that look like flags`,
    "[--append] [--create/--no-create] [--from file] <path> [<words>...]",
  ),
  parameters: {
    flags: {
      append: { kind: "boolean", brief: "add to the end", default: false },
      create: { kind: "boolean", brief: "make the file when there is none", default: true },
      from: optionalText("file of this machine to read", "file"),
    },
    aliases: { a: "append" },
    positional: {
      kind: "array",
      parameter: { ...treePath("file to write, then what to write"), parse: String, placeholder: "path" },
      minimum: 1,
    },
  },
  async func({ append, create, from }, given = "", ...words) {
    nonEmpty(given);
    const content = await contentOf(this, words, from);
    const size = content.length;
    const { path, call_id, state } = await withTree(this, async (tree) => {
      const path = await meantPath(tree, given);
      if (isBlank(content) && await isInvokeFile(tree, path)) {
        throw usageError(
          `Cannot invoke "${path}": the payload is empty, and nothing was invoked`,
          "what was to give it may have failed; the least payload is {}",
        );
      }
      const { call_id, state } = await tree[append ? "append" : "write"](path, content, { create });
      return { path, call_id, state: call_id === undefined ? state : state ?? await stateOf(tree, path, call_id) };
    });
    await printResult(this, {
      value: { path, size, ...(call_id === undefined ? {} : { call_id }), ...(state === undefined ? {} : { state }) },
      table: [
        `wrote ${size} byte${size === 1 ? "" : "s"}`,
        ...(call_id === undefined ? [] : [`call ${call_id}${state === undefined ? "" : ` is ${state}`}`]),
      ],
      names: [call_id ?? path],
    });
    if (call_id !== undefined && state !== undefined && !GOOD_STATES.has(state)) this.setExitCode(Exit.driver);
  },
});

/** Whether there is nothing but what JSON calls white space. */
function isBlank(content: Uint8Array): boolean {
  return content.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
}

/** Whether a write to a file runs a service, and is no content that somebody keeps. */
async function isInvokeFile(tree: WorldTree, path: string): Promise<boolean> {
  const [, node] = /^\/nodes\/([^/]+)\/./.exec(path) ?? [];
  if (node !== undefined) {
    // The manifest of a service may put its file anywhere.
    const services = `/nodes/${node}/services`;
    for (const { name, kind } of await orNone(tree.list(services), [])) {
      const status = kind === "dir" ? await orNone(tree.readText(`${services}/${name}/STATUS.json`), "{}") : "{}";
      const known = parseJson(status);
      if (isObject(known) && typeof known["invoke_path"] === "string" && rooted(known["invoke_path"]) === path) {
        return true;
      }
    }
    return false;
  }
  // Elsewhere a service is mounted with what it keeps of its calls.
  const end = "/control/invoke.json";
  if (!path.endsWith(end)) return false;
  return await orNone(tree.stat(`${path.slice(0, -end.length)}/calls`).then(({ kind }) => kind === "dir"), false);
}

/** What a server answers, or `otherwise` when it refuses. */
async function orNone<T>(answer: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ZssError) return otherwise;
    throw error;
  }
}

/** States of a call that nobody has to look after. */
const GOOD_STATES: ReadonlySet<string> = new Set(["ok", "running", "queued"]);

/** How a call stands that a write to a file of a service made; its record is below the root of the service. */
async function stateOf(tree: WorldTree, path: string, call_id: string): Promise<string | undefined> {
  const steps = path.split("/");
  // The invoke file stands in a folder below the root, or where the manifest says.
  for (let length = steps.length - 2; length > 2; length--) {
    try {
      const status = parseJson(await tree.readText(`${steps.slice(0, length).join("/")}/calls/${call_id}/status.json`));
      const state = isObject(status) ? status["state"] : undefined;
      return typeof state === "string" ? state : undefined;
    } catch (error) {
      if (!(error instanceof ZssError)) throw error;
      if (error.code !== "enoent" && error.code !== "enotdir") return undefined;
    }
  }
  return undefined;
}

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
