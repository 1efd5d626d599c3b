/**
 * The world as a tree of files: read, write, list and invoke by path.
 *
 * One tree stands for one session. Below the roots of a node's trees the same
 * calls reach the files of that node, so `/nodes/<id>/echo/control/invoke.json`
 * and an exported folder are read and written alike.
 *
 * ```ts
 * import { WorldTree } from "./mod.ts";
 *
 * async function hello(url: string, token: string): Promise<unknown> {
 *   await using tree = await WorldTree.open({ url, token });
 *   for (const { name, kind } of await tree.list("/nodes/node-1")) console.log(kind, name);
 *   const { result } = await tree.invoke("/nodes/node-1/services/echo", { hello: "world" });
 *   return result;
 * }
 * ```
 *
 * What the server or a node refuses is a `ZssError`: `enoent` for what is not
 * there or not to be seen, `eperm`, `eisdir`, `eio` for a node that is not
 * connected; `data.errno` holds the number that a node gave.
 *
 * @module
 */

import { z } from "zod";
import { type Clock, sleep, systemClock } from "../../drivers/process/clock.ts";
import { RUNTIME_PROTOCOL } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import { childNameProblem, MAX_TRANSFER_BYTES } from "../protocol/fs.ts";
import { parseJson } from "../protocol/json.ts";
import { type ConnectOptions, ControlConnection } from "./connection.ts";

/** Fid of the root. */
const ROOT = 1;
/** So many pieces of a long file are under way at once. */
const WINDOW = 4;
/** Between two looks at a run that takes long, in milliseconds. */
const LOOK_MS = 250;
/** How long an invoke is waited for unless told, in milliseconds. */
const INVOKE_TIMEOUT_MS = 600_000;

const readReply = z.object({ data_b64: z.string(), n: z.int(), eof: z.boolean() });
const writeReply = z.object({ n: z.int(), call_id: z.string().optional(), state: z.string().optional() });
const entryReply = z.object({
  id: z.number(),
  name: z.string(),
  kind: z.enum(["dir", "file"]),
  size: z.number(),
  mode: z.int(),
  writable: z.boolean(),
  mtime_ms: z.number().optional(),
  link: z.boolean().optional(),
  origin: z.string().optional(),
});
const serviceStatus = z.object({ invoke_path: z.string(), root_path: z.string() });

/**
 * What stands at a path. `size` in bytes, 0 for a directory; `writable` says whether this session may write it; `link`
 * is set where the name is a symbolic link, the rest being that of what it leads to. Two places with the same `origin`
 * are the same file of a node.
 */
export type TreeEntry = z.output<typeof entryReply>;

/** A service: the path of its directory, `/nodes/<id>/services/<service_id>`, or the two ids. */
export type ServiceName = string | { readonly node_id: string; readonly service_id: string };

/** What a write became: the bytes taken; for an invoke also its call, and `running` when it had not ended yet. */
export interface TreeWriteReply {
  readonly n: number;
  readonly call_id?: string | undefined;
  readonly state?: string | undefined;
}

/** How a tree is used. */
export interface WorldTreeOptions {
  /** @default the clock of the machine */
  readonly clock?: Clock;
  /** Session of the connection that the tree is seen from. @default the active one */
  readonly sessionKey?: string | undefined;
}

/** How a file is written. */
export interface TreeWriteOptions {
  /** Makes the file when there is none. @default {false} */
  readonly create?: boolean;
}

/** How an invoke is waited for. */
export interface InvokeOptions {
  /** How long to wait for the end of the run, in milliseconds. @default {600000} */
  readonly timeoutMs?: number;
  /** Ends the waiting; the run goes on. */
  readonly signal?: AbortSignal;
}

/** How an invoke ended. */
export interface InvokeOutcome {
  /** Whether the driver succeeded. */
  readonly ok: boolean;
  readonly call_id: string | undefined;
  /** What `status.json` of the call says: `state`, `duration_ms`, `exit_code` and more. */
  readonly status: Readonly<Record<string, unknown>>;
  /** What the driver answered: a JSON value, or its text if it is none; `undefined` when it did not succeed. */
  readonly result: unknown;
  /** What went wrong, as the driver wrote it; empty when nothing did. */
  readonly error: string;
}

/** The tree of one session. */
export class WorldTree implements AsyncDisposable {
  readonly #connection: ControlConnection;
  readonly #clock: Clock;
  readonly #session: { readonly session_key?: string };
  readonly #isOwner: boolean;
  readonly #free: number[] = [];
  #nextFid = ROOT + 1;

  private constructor(connection: ControlConnection, options: WorldTreeOptions, isOwner: boolean) {
    this.#connection = connection;
    this.#clock = options.clock ?? systemClock;
    this.#session = options.sessionKey === undefined ? {} : { session_key: options.sessionKey };
    this.#isOwner = isOwner;
  }

  /**
   * Connects and shows the tree; the connection ends with it.
   *
   * @throws {ZssError} What `ControlConnection.open` throws; `provisioning_required` for a user without a project.
   */
  static async open(options: Omit<ConnectOptions, "clock"> & WorldTreeOptions): Promise<WorldTree> {
    const connection = await ControlConnection.open({ ...options, clock: options.clock ?? systemClock });
    try {
      return await WorldTree.#attach(new WorldTree(connection, options, true));
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Shows the tree over a connection that stays open when the tree is closed. */
  static async over(connection: ControlConnection, options: WorldTreeOptions = {}): Promise<WorldTree> {
    return await WorldTree.#attach(new WorldTree(connection, options, false));
  }

  static async #attach(tree: WorldTree): Promise<WorldTree> {
    await tree.#send("t_version", { msize: MAX_TRANSFER_BYTES, version: RUNTIME_PROTOCOL });
    await tree.#send("t_attach", { fid: ROOT });
    return tree;
  }

  /** The connection under the tree, for operations of the control channel. */
  get connection(): ControlConnection {
    return this.#connection;
  }

  /** What stands at a path. @throws {ZssError} `enoent`. */
  async stat(path: string): Promise<TreeEntry> {
    return entryReply.parse(await this.#send("t_stat", { fid: ROOT, path: stepsOf(path) }));
  }

  /**
   * The children of a directory, sorted by name.
   *
   * @param links Whether symbolic links are among them that lead nowhere or out of their export: they can be removed
   * and moved, and nothing else.
   * @throws {ZssError} `enotdir` for a file; `eio` when a name is given that is no single step of a path, which no
   * honest server does.
   */
  list(path: string, { links = false }: { readonly links?: boolean } = {}): Promise<TreeEntry[]> {
    return this.#at(path, async (fid, walked) => {
      // A file would answer with its content, whose bytes need not be sent to say so.
      const isFile = walked.then(({ qid }) => z.object({ type: z.string() }).parse(qid).type === "file");
      const pieces = await Array.fromAsync(
        this.#pieces(fid, { format: "ndjson", ...(links ? { links } : {}) }, isFile),
      );
      if (await isFile) {
        throw new ZssError("enotdir", `Cannot list "${path}": it is a file`, { hint: "read it instead" });
      }
      const lines = new TextDecoder().decode(joined(pieces)).split("\n").filter((line) => line !== "");
      return lines.map((line) => {
        const entry = entryReply.parse(parseJson(line));
        const problem = childNameProblem(entry.name);
        if (problem === undefined) return entry;
        const name = JSON.stringify(entry.name.slice(0, 100));
        throw new ZssError("eio", `Cannot list "${path}": ${name} is not the name of a child: ${problem}`, {
          hint: "the node or the server is broken, or means harm",
        });
      });
    });
  }

  /** The whole content of a file. @throws {ZssError} `enoent`, `eisdir`. */
  async read(path: string): Promise<Uint8Array> {
    return joined(await Array.fromAsync(this.chunks(path)));
  }

  /** The whole content of a file as text. */
  async readText(path: string): Promise<string> {
    return new TextDecoder().decode(await this.read(path));
  }

  /** The content of a file piece by piece, in order; at most 1 MiB each. Nothing is held when the caller stops. */
  async *chunks(path: string): AsyncGenerator<Uint8Array, void, void> {
    const { fid, walked } = this.#walk(path);
    try {
      const isDirectory = walked.then(({ qid }) => z.object({ type: z.string() }).parse(qid).type === "dir");
      yield* this.#pieces(fid, {}, isDirectory);
      if (await isDirectory) {
        throw new ZssError("eisdir", `Cannot read "${path}": it is a directory`, { hint: "list it" });
      }
    } finally {
      this.#clunk(fid);
    }
  }

  /**
   * Replaces the content of a file. A content of at most 1 MiB goes in one write, as the files that make a service do
   * something want it; of a longer one a reader may see a part meanwhile.
   *
   * @returns What became of the last write.
   * @throws {ZssError} `enoent`, `eisdir`, `eperm` for what may not be written, what a service refuses with.
   */
  async write(path: string, data: Uint8Array | string, options: TreeWriteOptions = {}): Promise<TreeWriteReply> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    try {
      return await this.#pour(path, [bytes], 0, { truncate: true });
    } catch (error) {
      if (options.create !== true || !isCode(error, "enoent")) throw error;
    }
    await this.#create(path, "file");
    return await this.#pour(path, [bytes], 0, {});
  }

  /**
   * Replaces the content of a file with one that is read piece by piece; a reader may see a part of it meanwhile.
   * Nothing is touched before the first piece is there.
   *
   * @throws {ZssError} As {@linkcode WorldTree.write}, and whatever `pieces` throws. What was written until then stays.
   */
  async pour(path: string, pieces: AsyncIterable<Uint8Array>, options: TreeWriteOptions = {}): Promise<TreeWriteReply> {
    const source = pieces[Symbol.asyncIterator]();
    try {
      const first = await source.next();
      if (options.create === true) {
        try {
          await this.stat(path);
        } catch (error) {
          if (!isCode(error, "enoent")) throw error;
          await this.#create(path, "file");
        }
      }
      return await this.#pour(path, following(first, source), 0, { truncate: true });
    } finally {
      await source.return?.();
    }
  }

  /**
   * Adds to the end of a file. Where the end is, the node says at that moment, so that nobody's line is lost when
   * several add to a file of an exported folder at once; a node that does not know how writes where it was just before.
   */
  async append(path: string, data: Uint8Array | string, options: TreeWriteOptions = {}): Promise<TreeWriteReply> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    let size = 0;
    try {
      size = (await this.stat(path)).size;
    } catch (error) {
      if (options.create !== true || !isCode(error, "enoent")) throw error;
      await this.#create(path, "file");
    }
    return await this.#pour(path, [bytes], size, { append: true });
  }

  /** Makes a directory. @throws {ZssError} `eexist`, `enoent` when there is none to make it in, `eperm`. */
  async mkdir(path: string): Promise<void> {
    await this.#create(path, "dir");
  }

  /** Removes a file, a link or an empty directory. @throws {ZssError} `enoent`, `enotempty`, `eperm`. */
  async remove(path: string): Promise<void> {
    await this.#named(path, (fid, names) => this.#send("t_remove", { fid, ...(names && { path: names }) }));
  }

  /**
   * Moves a file or a directory within its export; a file that stands at the new path is replaced.
   *
   * @throws {ZssError} `enoent`, `exdev` when the new path is in another export, `eexist` or `enotempty` when a directory
   * is in the way, `eperm`.
   */
  async rename(from: string, to: string): Promise<void> {
    const path = stepsOf(to);
    await this.#named(from, (fid, names) => this.#send("t_rename", { fid, path, ...(names && { from: names }) }));
  }

  /**
   * Everything below a directory, each directory before what is in it. A link is passed, and what is behind it is not.
   * Directories that cannot be listed (their node is not connected) are reported and passed over.
   *
   * @param depth How deep; 1 is the children alone. @default {Infinity}
   */
  async *descend(
    path: string,
    depth = Infinity,
    onError: (path: string, error: ZssError) => void = () => {},
  ): AsyncGenerator<{ readonly path: string; readonly entry: TreeEntry }, void, void> {
    const base = path.replace(/\/+$/, "");
    // Listings of siblings are asked for ahead, so that a wide tree does not wait for each.
    const ahead = new Map<string, Promise<TreeEntry[] | ZssError>>();
    const listing = (one: string) => {
      let held = ahead.get(one);
      if (held === undefined) ahead.set(one, held = this.list(one).catch(expected));
      return held;
    };
    const stack: { readonly path: string; readonly level: number }[] = [{ path: base, level: 1 }];
    const waiting: { readonly path: string; readonly entry: TreeEntry; readonly level: number }[] = [];
    for (let first = true; first || waiting.length > 0; first = false) {
      const next = first ? undefined : waiting.pop();
      if (next !== undefined) {
        yield next;
        if (!isDescended(next.entry) || next.level >= depth) continue;
        stack.push({ path: next.path, level: next.level + 1 });
      }
      const here = stack.pop();
      if (here === undefined) continue;
      const found = await listing(here.path === "" ? "/" : here.path);
      ahead.delete(here.path);
      if (found instanceof ZssError) {
        if (first) throw found;
        onError(here.path, found);
        continue;
      }
      const children = found.map((entry) => ({ path: `${here.path}/${entry.name}`, entry, level: here.level }));
      waiting.push(...children.toReversed());
      if (here.level >= depth) continue;
      for (const child of children.filter(({ entry }) => isDescended(entry)).slice(0, 2 * WINDOW)) {
        void listing(child.path);
      }
    }
  }

  /**
   * The lines of a stream such as `/events` or `/nodes/<id>/events`, those that are there and those that come.
   *
   * @param signal Ends it.
   */
  async *follow(path: string, signal?: AbortSignal): AsyncGenerator<string, void, void> {
    const { fid, walked } = this.#walk(path);
    const stop = () => this.#clunk(fid);
    let isClunked = false;
    const end = () => {
      if (!isClunked) stop();
      isClunked = true;
    };
    signal?.addEventListener("abort", end);
    try {
      await walked;
      const decoder = new TextDecoder();
      let text = "";
      for (let offset = 0; signal?.aborted !== true;) {
        const request = { fid, offset, count: MAX_TRANSFER_BYTES, follow: true };
        const { data_b64, n } = readReply.parse(await this.#send("t_read", request, null));
        offset += n;
        text += decoder.decode(Uint8Array.fromBase64(data_b64), { stream: true });
        const lines = text.split("\n");
        text = lines.pop() ?? "";
        yield* lines;
        if (n === 0) break;
      }
    } catch (error) {
      if (signal?.aborted !== true) throw error;
    } finally {
      signal?.removeEventListener("abort", end);
      end();
    }
  }

  /**
   * Invokes a service and waits for the end of the run.
   *
   * @param payload A JSON object.
   * @throws {ZssError} `enoent` for a service that is not there or not to be seen, `eperm` when it may not be invoked
   * or is switched off, `eagain` while it cools down or its queue is full, `invalid` for a payload that it refuses,
   * `eio` when its node is not connected, `timeout` when the run takes longer than `timeoutMs`. A driver that failed
   * is no error: see `ok`.
   */
  async invoke(service: ServiceName, payload: unknown, options: InvokeOptions = {}): Promise<InvokeOutcome> {
    const directory = typeof service === "string"
      ? service.replace(/\/+$/, "")
      : `/nodes/${service.node_id}/services/${service.service_id}`;
    const { invoke_path, root_path } = serviceStatus.parse(parseJson(await this.readText(`${directory}/STATUS.json`)));
    const { call_id, state } = await this.write(invoke_path, JSON.stringify(payload));
    // Without a call of its own the last result of the service is the best that there is.
    const folder = call_id === undefined ? root_path : `${root_path}/calls/${call_id}`;
    const status = await this.#ended(folder, state, options);
    const ok = status["state"] === "ok";
    const text = ok ? await this.readText(`${folder}/result.json`) : "";
    const stderr = status["stderr"];
    return {
      ok,
      call_id,
      status,
      result: ok ? jsonOr(text) : undefined,
      error: ok ? "" : typeof stderr === "string" ? stderr : String(status["reason"] ?? status["state"]),
    };
  }

  /** Ends the tree, and the connection if the tree opened it. */
  async close(): Promise<void> {
    if (this.#isOwner) {
      this.#connection.close();
      await this.#connection.ended;
    } else await this.#send("t_clunk", { fid: ROOT }).catch(expected);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #ended(
    folder: string,
    state: string | undefined,
    { timeoutMs = INVOKE_TIMEOUT_MS, signal }: InvokeOptions,
  ): Promise<Record<string, unknown>> {
    const deadline = this.#clock.monotonic() + timeoutMs;
    for (let isLooking = state === "running";; isLooking = true) {
      const status = z.record(z.string(), z.unknown()).parse(parseJson(await this.readText(`${folder}/status.json`)));
      if (status["state"] !== "running" && status["state"] !== "queued") return status;
      signal?.throwIfAborted();
      if (this.#clock.monotonic() >= deadline) {
        throw new ZssError("timeout", `Cannot wait longer for the run: it had not ended after ${timeoutMs / 1000} s`, {
          hint: `it goes on; ${folder}/status.json tells`,
        });
      }
      if (isLooking) await sleep(this.#clock, LOOK_MS, signal);
    }
  }

  async #create(path: string, kind: "file" | "dir"): Promise<void> {
    const steps = stepsOf(path);
    const name = steps.pop();
    if (name === undefined) throw new ZssError("eexist", `Cannot create "${path}": it is the root`);
    await this.#at(`/${steps.join("/")}`, (fid) => this.#send("t_create", { fid, name, kind }));
  }

  #pour(
    path: string,
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    start: number,
    how: { readonly truncate?: boolean; readonly append?: boolean },
  ): Promise<TreeWriteReply> {
    return this.#at(path, async (fid) => {
      // The "w" is for servers that do not know "a".
      const mode = how.append === true ? "wa" : "w";
      await this.#send("t_open", { fid, mode, ...(how.truncate === true ? { truncate: true } : {}) });
      const underWay: Promise<TreeWriteReply>[] = [];
      let reply: TreeWriteReply = { n: 0 };
      let offset = start;
      try {
        for await (const piece of pieces) {
          // A piece of nothing is sent too: it is what an empty file is made of.
          for (let at = 0; at === 0 || at < piece.length; at += MAX_TRANSFER_BYTES) {
            const part = piece.subarray(at, at + MAX_TRANSFER_BYTES);
            const request = { fid, offset, data_b64: part.toBase64() };
            const sent = this.#send("t_write", request, null).then((answer) => {
              const taken = writeReply.parse(answer);
              if (taken.n !== part.length) throw shortWrite(path, taken.n, part.length);
              return taken;
            });
            sent.catch(() => {}); // It is looked at below, in its turn.
            underWay.push(sent);
            offset += part.length;
            if (underWay.length >= WINDOW) reply = await underWay.shift() ?? reply;
          }
        }
        for (const sent of underWay) reply = await sent;
        // A node may find out only at the end that what was written is of no use; a call that ran is past that.
        if (reply.call_id === undefined) await this.#send("t_clunk", { fid });
      } catch (error) {
        await Promise.allSettled(underWay);
        throw error;
      }
      return reply;
    });
  }

  /** The content of a fid from its beginning; nothing when `isWrong` says so. */
  async *#pieces(fid: number, how: object, isWrong: Promise<boolean>): AsyncGenerator<Uint8Array, void, void> {
    const count = MAX_TRANSFER_BYTES;
    const ask = (offset: number) => {
      const answer = this.#send("t_read", { fid, offset, count, ...how }).then((reply) => readReply.parse(reply));
      answer.catch(() => {}); // It is looked at in its turn, or not at all.
      return { offset, answer };
    };
    let underWay = [ask(0)];
    if (await isWrong) return;
    for (let at = 0;;) {
      const next = underWay.shift() ?? ask(at);
      const { data_b64, n, eof } = await next.answer;
      if (n > 0) yield Uint8Array.fromBase64(data_b64);
      at = next.offset + n;
      if (eof || n === 0) return;
      // A short answer is followed by what comes next and not by what was asked for ahead.
      if (n < count) underWay = [];
      while (underWay.length < WINDOW) underWay.push(ask((underWay.at(-1)?.offset ?? at - count) + count));
    }
  }

  /** Does something with the file at a path. The walk is not waited for: what comes behind it fails with it. */
  async #at<T>(
    path: string,
    action: (fid: number, walked: Promise<Record<string, unknown>>) => Promise<T>,
  ): Promise<T> {
    const { fid, walked } = this.#walk(path);
    try {
      const [answer] = await Promise.all([action(fid, walked), walked]);
      return answer;
    } catch (error) {
      // The refusal of the walk is the one that says what is wrong.
      await walked;
      throw error;
    } finally {
      this.#clunk(fid);
    }
  }

  /**
   * Does something with what has a name, which may be a link that leads nowhere or where nobody may look: then there is
   * nothing to walk to, and the name is told from the root.
   */
  async #named(path: string, action: (fid: number, names?: readonly string[]) => Promise<unknown>): Promise<void> {
    let isFound = true;
    try {
      await this.#at(path, (fid, walked) => {
        walked.catch(() => isFound = false);
        return action(fid);
      });
    } catch (error) {
      if (isFound || !(isCode(error, "enoent") || isCode(error, "eperm"))) throw error;
      // A server that takes no names refuses to touch its root.
      await action(ROOT, stepsOf(path)).catch(() => {
        throw error;
      });
    }
  }

  #walk(path: string): { readonly fid: number; readonly walked: Promise<Record<string, unknown>> } {
    const fid = this.#free.pop() ?? this.#nextFid++;
    const walked = this.#send("t_walk", { fid: ROOT, newfid: fid, path: stepsOf(path) });
    walked.catch(() => {}); // Whoever uses it hears of it.
    return { fid, walked };
  }

  /** Lets a fid go; its number is used again when the server has said that it is free. */
  #clunk(fid: number): void {
    this.#send("t_clunk", { fid }).then(() => this.#free.push(fid), () => {});
  }

  #send(name: string, members: object, timeoutMs?: number | null): Promise<Record<string, unknown>> {
    return this.#connection.message(name, { ...members, ...this.#session }, timeoutMs);
  }
}

/** Whether what is in it belongs to what it is in. */
function isDescended({ kind, link }: TreeEntry): boolean {
  return kind === "dir" && link !== true;
}

/** What was read of an iterator already, and the rest. */
async function* following(
  first: IteratorResult<Uint8Array, unknown>,
  source: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  for (let one = first; one.done !== true; one = await source.next()) yield one.value;
}

function shortWrite(path: string, taken: number, sent: number): ZssError {
  return new ZssError("eio", `Cannot write "${path}": ${taken} of ${sent} bytes were taken`, {
    hint: "its file system may be full; what was taken stays",
  });
}

function stepsOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces;
  if (pieces.length === 1 && first !== undefined) return first;
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function jsonOr(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof ZssError && error.code === code;
}

function expected(error: unknown): ZssError {
  if (error instanceof ZssError) return error;
  throw error;
}
