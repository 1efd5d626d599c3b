/**
 * The runtime channel of one connection: the world as files.
 *
 * A client walks from the root to a place, gives it a number, and reads, writes
 * or looks at it. Each request looks at the world of its own moment, so what a
 * policy took away is gone in the middle of a session. Below the roots of a
 * node's trees requests go on to the node.
 *
 * Requests run side by side; those on one fid keep their order. A request that
 * waits (for an invoke, for the next event) holds up nothing else.
 *
 * Source: docs/protocol.md, "Runtime channel".
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { catalogOf } from "../pairing/node_events.ts";
import { decideNodePath, type PathAct, type PathDecision } from "../policy/node_path.ts";
import type { Actor } from "../policy/rights.ts";
import { askerOf, type Viewer } from "../policy/visibility.ts";
import { type Envelope, RUNTIME_PROTOCOL } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import { DEFAULT_INVOKE_PATH, Errno, type FileAttributes, FsError, serviceOfTree } from "../protocol/fs.ts";
import { decodedLength } from "../protocol/fs_requests.ts";
import { ownerOf } from "../relay/open_files.ts";
import { driverFailed, isOperated, MAX_ID_CHARS, targetOf } from "../relay/service_writes.ts";
import type { Binding } from "../sessions/bindings.ts";
import { Budget } from "../sessions/budget.ts";
import type { ControlPlane } from "../sessions/control_plane.ts";
import type { AuditNote } from "../sessions/handler.ts";
import type { SessionSocket } from "../sessions/session_socket.ts";
import { viewerSource } from "../sessions/viewer.ts";
import type { EventStream, NodeTree, WorldEntry } from "../worldfs/entry.ts";
import { findEntry } from "../worldfs/world.ts";
import { fromNode, noSuchPath, refusalFrame, replyFrame, shown } from "./errors.ts";
import { EventReader } from "./event_reader.ts";
import { Fid, Fids } from "./fids.ts";
import { HeldFiles } from "./held_files.ts";
import { type NodeFile, NodeFiles, type NodeHandle } from "./node_files.ts";
import { PairingDesk, type RunOperation } from "./pairing_desk.ts";
import { ReadBudget } from "./read_budget.ts";
import { IO_UNIT, type MessageName, messageName, readMessage, type RuntimeMessage } from "./requests.ts";
import { directoryStat, fileStat, nodeStat, rootStat, type Stat, statId } from "./stat.ts";
import { visibleCatalogs, worldSource } from "./world_view.ts";

const log = getLogger(["zss", "control", "acheron"]);

/** At most so many reads of a connection wait for something to happen. */
const MAX_FOLLOWERS = 32;
/** So many contents are held that were not read to their end. */
const MAX_HELD = 16;
/** So many refused writes of one connection are written down a minute; invokes all are. */
const REFUSALS = 60;
/** Deepest path. */
const MAX_DEPTH = 512;

/** The connection that a channel belongs to. */
export interface ChannelHost {
  readonly plane: ControlPlane;
  readonly actor: Actor;
  readonly socket: SessionSocket;
  /** The session that a key names, the active one without. @throws {ZssError} `session_not_found`. */
  session(key: string | undefined): { readonly key: string; readonly binding: Binding };
  /** Refuses who may not work yet. @throws {ZssError} */
  permit(type: string): void;
  readonly run: RunOperation;
  /** Writes down what was done, or was not. */
  audit(type: string, about: AuditNote, correlationId: string, code: string | null): void;
}

/** What a session is bound to, with the fids that it made there. */
interface Table {
  readonly binding: Binding;
  readonly fids: Fids;
  readonly look: () => Viewer;
  readonly desk: PairingDesk;
}

/** A place of the world, as of now. */
interface Place {
  readonly path: readonly string[];
  readonly entry: WorldEntry;
  /** What of the path is left for a node. */
  readonly rest: readonly string[];
}

/** A request with what it needs to be answered. */
interface Request {
  readonly frame: Envelope;
  readonly table: Table;
  /** Counts the requests of the connection. */
  readonly number: number;
  /** Fires when the request is not waited for any more. */
  readonly stop: AbortController;
  /** What is to be done when the answer has been written. */
  readonly sent: (() => void)[];
}

/** How a directory reads. */
type ListingForm = Pick<Message<"t_read">, "format" | "links">;

type Message<Name extends MessageName> = Extract<RuntimeMessage, { readonly name: Name }>;

/** The runtime channel of a connection. */
export class RuntimeChannel {
  readonly #host: ChannelHost;
  readonly #files: NodeFiles;
  readonly #handles: HeldFiles;
  readonly #tables = new Map<string, Table>();
  /** What waits for something to happen, with the tag of its request. */
  readonly #followers = new Set<{ readonly tag: unknown; readonly stop: AbortController }>();
  /** Fids with a content that was not read to its end, the oldest first. */
  readonly #held = new Set<Fid>();
  readonly #budget: ReadBudget;
  readonly #refusals: Budget;
  #received = 0;
  #isNegotiated = false;
  #isClosed = false;

  constructor(host: ChannelHost) {
    this.#host = host;
    this.#files = new NodeFiles(host.plane.tunnels, ownerOf(host.actor));
    this.#handles = new HeldFiles(this.#files);
    this.#budget = new ReadBudget(host.socket);
    this.#refusals = new Budget(host.plane.clock, REFUSALS, 60_000);
  }

  /** Takes a frame of the channel; settles when it has been answered. What it changes, it changes in the order of calls. */
  async receive(frame: Envelope): Promise<void> {
    const { tag } = frame.members;
    const name = messageName(frame.type);
    const sent: (() => void)[] = [];
    try {
      if (tag !== undefined && !isTag(tag)) {
        throw new ZssError(
          "invalid",
          `Cannot run a message: its tag must be a number or a string of at most ${MAX_ID_CHARS} characters`,
          { path: "/tag" },
        );
      }
      const payload = await this.#run(name, frame, sent);
      this.#send(replyFrame(name ?? "", tag, payload));
    } catch (error) {
      const refusal = this.#refusalOf(error, frame.type);
      this.#send(refusalFrame(tag, refusal));
      if (refusal.code === "protocol_mismatch") this.#host.socket.close(1002, "protocol_mismatch");
    } finally {
      for (const action of sent) action();
    }
  }

  /** Closes what is open at nodes and ends what waits. */
  close(): void {
    this.#isClosed = true;
    for (const { fids } of this.#tables.values()) fids.clear();
    this.#tables.clear();
    this.#files.closeAll();
  }

  #run(name: MessageName | undefined, frame: Envelope, sent: (() => void)[]): Promise<unknown> {
    const { type } = frame;
    this.#host.permit(type);
    if (name === undefined) {
      throw new ZssError("unsupported", `Cannot run ${type.slice(0, 100)}: the runtime channel has no such message`, {
        hint: type.startsWith("acheron.t_fs_") ? "files of a node are served under /v2/fs/node/<node_id>" : undefined,
      });
    }
    if (!this.#isNegotiated && name !== "t_version") {
      throw new ZssError("protocol_mismatch", `Cannot run ${type}: acheron.t_version must be negotiated first`, {
        hint: `send acheron.t_version {"version":"${RUNTIME_PROTOCOL}"}`,
      });
    }
    const message = readMessage(name, frame);
    if (message.name === "t_version") return Promise.resolve(this.#version(message));
    if (message.name === "t_flush") return Promise.resolve(this.#flush(message));
    const table = this.#tableOf(frame.session_key);
    const request: Request = { frame, table, number: ++this.#received, stop: new AbortController(), sent };
    if (message.name !== "t_read" || !message.follow) return this.#answer(message, request);
    return this.#follow(message, request);
  }

  /** A read that may wait. It can be let go from the moment on in which it came. */
  async #follow(message: Message<"t_read">, request: Request): Promise<unknown> {
    if (this.#followers.size >= MAX_FOLLOWERS) {
      throw new ZssError("busy", `Cannot follow: ${MAX_FOLLOWERS} reads of this connection wait already`, {
        hint: "end some with t_flush or t_clunk",
      });
    }
    const follower = { tag: request.frame.members["tag"], stop: request.stop };
    this.#followers.add(follower);
    try {
      return await this.#answer(message, request);
    } finally {
      this.#followers.delete(follower);
    }
  }

  /** Everything that has to do with fids. Their order is settled before this first waits. */
  #answer(message: Exclude<RuntimeMessage, Message<"t_version" | "t_flush">>, request: Request): Promise<unknown> {
    const { fids } = request.table;
    switch (message.name) {
      case "t_attach":
        return fids.alone(message.fid, () => this.#attach(message, request));
      case "t_walk":
        return fids.between(message.fid, message.newfid, () => this.#walk(message, request));
      case "t_open":
        return fids.alone(message.fid, () => this.#open(message, request));
      case "t_read":
        return fids.together(message.fid, () => this.#read(message, request));
      case "t_write":
        return fids.alone(message.fid, () => this.#write(message, request));
      case "t_stat":
        return fids.together(message.fid, () => this.#stat(message, request));
      case "t_clunk":
        return fids.end(message.fid).then(() => ({}));
      case "t_create":
        return fids.alone(message.fid, () => this.#create(message, request));
      case "t_remove":
        return fids.alone(message.fid, () => this.#remove(message, request));
      case "t_rename":
        return fids.alone(message.fid, () => this.#rename(message, request));
    }
  }

  #version({ msize, version }: Message<"t_version">): object {
    if (version !== RUNTIME_PROTOCOL) {
      throw new ZssError(
        "protocol_mismatch",
        `Cannot agree on a protocol: "${version.slice(0, 40)}" found, "${RUNTIME_PROTOCOL}" wanted`,
        { path: "/version" },
      );
    }
    this.#isNegotiated = true;
    return { msize, version };
  }

  #flush({ oldtag }: Message<"t_flush">): object {
    for (const { tag, stop } of [...this.#followers]) if (oldtag === undefined || tag === oldtag) stop.abort();
    return {};
  }

  #attach({ fid }: Message<"t_attach">, { table }: Request): Promise<object> {
    table.fids.set(fid, new Fid([], undefined));
    // Whoever uses files sends and gets frames as large as those of files.
    this.#host.socket.trustAsNode();
    return Promise.resolve({ qid: qid([], "dir") });
  }

  async #walk({ fid, newfid, path: steps }: Message<"t_walk">, request: Request): Promise<object> {
    const { table } = request;
    const { last, kind } = await this.#walkFrom(table.fids.get(fid, "walk"), steps, "walk to", request);
    table.fids.set(newfid, last);
    return { qid: qid(last.path, kind), walked: steps.length };
  }

  /** Goes from a place to another; what stands there is known then. */
  async #walkFrom(from: Fid, steps: readonly string[], action: string, request: Request) {
    const { table } = request;
    const path = [...from.path];
    let last = new Fid(path, isFresh(from, request) ? from.position : undefined);
    // What the steps before have found on the way need not be looked for again.
    const next = () => new Fid([...path], last.position);
    for (const [index, name] of steps.entries()) {
      if (name === ".") continue;
      if (name === "..") {
        // Only what is there has something above it.
        if (index > 0) await this.#kindOf(table, last, action);
        path.pop();
      } else {
        if (path.length >= MAX_DEPTH) throw noSuchPath(path, action);
        path.push(name);
      }
      last = next();
    }
    return { last, kind: await this.#kindOf(table, last, action) };
  }

  async #open({ fid: number, mode, truncate }: Message<"t_open">, request: Request): Promise<object> {
    const { table } = request;
    const fid = table.fids.get(number, "open");
    const isWrite = mode.includes("w");
    if (truncate && !isWrite) {
      throw new ZssError("invalid", `Cannot open ${shown(fid.path)}: truncate needs a mode that writes`, {
        path: "/truncate",
      });
    }
    const place = this.#find(table, fid.path, "open");
    renew(fid, request);
    const kind = await this.#kindOf(table, fid, "open");
    if (isWrite) {
      if (kind === "dir") throw isDirectory(fid.path, "write");
      await this.#permitWrite(place, request);
      if (place.entry.kind === "node_tree") {
        const file = nodeFile(place.entry, place.rest);
        await this.#atNode(`open ${shown(fid.path)}`, async () => {
          if (truncate) await this.#files.truncate(file, fid);
          if (fid.isAppending !== mode.includes("a")) await this.#handles.letGo(fid, "write");
          fid.isAppending = mode.includes("a");
          await this.#handles.open(fid, file, "write");
        });
      }
    }
    if (!isWrite || mode.includes("r")) {
      if (place.entry.kind === "node_tree" && kind === "file") {
        const file = nodeFile(place.entry, place.rest);
        await this.#atNode(`open ${shown(fid.path)}`, () => this.#handles.open(fid, file, "read"));
      }
    }
    return { qid: qid(fid.path, kind), iounit: IO_UNIT };
  }

  async #read(message: Message<"t_read">, request: Request): Promise<object> {
    const { table, stop, sent } = request;
    const { count } = message;
    const fid = table.fids.get(message.fid, "read");
    const place = this.#find(table, fid.path, "read");
    if (place.entry.kind === "events") {
      const follow = message.follow && !table.fids.isEnding(message.fid);
      const { bytes, eof } = await this.#readEvents(place.entry, fid, { ...message, follow }, stop.signal, table);
      return part(bytes, eof);
    }
    const owner = place.entry.kind === "node_tree" ? place.entry.node_id : "";
    // As base64; a waiting stream reserves nothing, or it would keep others from reading.
    sent.push(await this.#budget.take(Math.ceil(count / 3) * 4, owner));
    // An open file is read on, wherever it stands by now; a listing goes on where it was.
    if (fid.readHandle === undefined && message.offset === 0) renew(fid, request);
    return await this.#readPart(message, table, fid);
  }

  async #readPart({ offset, count, ...how }: Message<"t_read">, table: Table, fid: Fid): Promise<object> {
    const place = this.#find(table, fid.path, "read");
    if (place.entry.kind === "node_tree" && await this.#kindOf(table, fid, "read") === "file") {
      return await this.#readNode(fid, nodeFile(place.entry, place.rest), offset, count);
    }
    if (offset === 0 || fid.content === undefined) {
      fid.content = this.#content(table, place, fid, how);
      fid.content.catch(() => fid.content = undefined);
      this.#hold(fid);
    }
    const whole = await fid.content;
    const bytes = whole.subarray(offset, offset + count);
    const eof = offset + bytes.length >= whole.length;
    // What was read to its end is made anew next time.
    if (eof) this.#drop(fid);
    return part(bytes, eof);
  }

  /** Keeps what a fid holds until it was read to its end; of many, those that were begun last. */
  #hold(fid: Fid): void {
    this.#held.delete(fid);
    this.#held.add(fid);
    const [oldest] = this.#held;
    if (this.#held.size > MAX_HELD && oldest !== undefined) this.#drop(oldest);
  }

  #drop(fid: Fid): void {
    this.#held.delete(fid);
    fid.content = undefined;
  }

  async #write({ fid: number, offset, bytes }: Message<"t_write">, request: Request): Promise<object> {
    const { table, frame } = request;
    const fid = table.fids.get(number, "write");
    const place = this.#find(table, fid.path, "write");
    const { entry } = place;
    if (entry.kind === "pairing" && entry.isWritable) {
      await table.desk.write(entry.name, new TextDecoder().decode(bytes));
      return { n: bytes.length };
    }
    if (entry.kind !== "node_tree") {
      if (await this.#kindOf(table, fid, "write") === "dir") throw isDirectory(fid.path, "write");
      throw readOnly(fid.path);
    }
    const rule = await this.#permitWrite(place, request);
    try {
      const reply = await this.#atNode(`write ${shown(fid.path)}`, async () => {
        const file = nodeFile(entry, place.rest);
        if (fid.writeHandle === undefined) renew(fid, request);
        const write = (handle: NodeHandle) => this.#files.write(handle, offset, bytes);
        // What a service is given begins at 0: a later part must not go on from what somebody else has written.
        const mayOpenAnew = offset === 0 || serviceOfTree(file.tree) === undefined;
        return await this.#handles.use(fid, file, "write", write, mayOpenAnew);
      });
      const failed = reply.state === "error" ? { error: driverFailed() } : {};
      this.#noteWrite(place, entry, frame, { rule, callId: reply.call_id, ...failed });
      return reply;
    } catch (error) {
      this.#noteWrite(place, entry, frame, { rule, error: this.#refusalOf(error, frame.type) });
      throw error;
    }
  }

  /**
   * Writes down what was done with a service, or refused. Folders are written
   * piece by piece: of these only what is not permitted is written down.
   */
  #noteWrite(
    { rest }: Pick<Place, "rest">,
    { node_id, tree }: NodeTree,
    frame: Envelope,
    { rule, callId, error, isDenied = false }: {
      readonly rule: string;
      readonly callId?: string | undefined;
      readonly error?: ZssError;
      readonly isDenied?: boolean;
    },
  ): void {
    const service = serviceOfTree(tree);
    const within = rest.join("/");
    if (isDenied ? !this.#refusals.take() : service === undefined || !isOperated(within)) return;
    // A document that is not complete yet, or is none, is no invoke.
    const isInvoke = within === DEFAULT_INVOKE_PATH;
    if (!isDenied && (error?.code === "invalid" || (isInvoke && error === undefined && callId === undefined))) return;
    const about = { target: targetOf(node_id, tree, within), rule };
    const { tag } = frame.members;
    const request = frame.correlation_id ?? frame.id ?? `t_write ${String(tag ?? "")}`;
    const correlation = (callId ?? request).slice(0, MAX_ID_CHARS);
    this.#host.audit(service === undefined ? "files" : "invoke", about, correlation, error?.code ?? null);
  }

  async #stat({ fid: number, path: steps }: Message<"t_stat">, request: Request): Promise<object> {
    const { table } = request;
    const from = table.fids.get(number, "look at");
    const isWalked = steps.length > 0;
    const fid = isWalked ? (await this.#walkFrom(from, steps, "look at", request)).last : from;
    if (!isWalked) renew(fid, request);
    // After the walk, during which it may have been taken away.
    const place = this.#find(table, fid.path, "look at");
    const { found } = fid;
    if (place.entry.kind === "node_tree" && found !== undefined && (isWalked || request.number <= found.received)) {
      return this.#nodeStat(fid.path, place.entry, place.rest, found.attributes);
    }
    return await this.#statOf(table, place, fid);
  }

  async #create({ fid: number, child: name, kind }: Message<"t_create">, request: Request): Promise<object> {
    const { table } = request;
    const fid = table.fids.get(number, "create");
    const path = [...fid.path, name];
    const place = this.#find(table, fid.path, "create in");
    renew(fid, request);
    const { entry } = place;
    if (entry.kind !== "node_tree") throw readOnly(path);
    await this.#permitWrite({ ...place, path, rest: [...place.rest, name] }, request);
    await this.#atNode(
      `create ${shown(path)}`,
      () => this.#files.create(nodeFile(entry, place.rest), fid, name, kind),
    );
    return { qid: qid(path, kind) };
  }

  async #remove({ fid: number, path: names }: Message<"t_remove">, request: Request): Promise<object> {
    const { table } = request;
    const held = table.fids.get(number, "remove");
    const fid = names.length === 0 ? held : new Fid([...held.path, ...names], undefined);
    const place = this.#find(table, fid.path, "remove");
    renew(fid, request);
    const { entry, rest } = place;
    const name = rest.at(-1);
    if (entry.kind !== "node_tree" || name === undefined) throw readOnly(fid.path);
    await this.#permitWrite(place, request);
    const found = await this.#kindOf(table, fid, "remove").catch((error: unknown): "file" => {
      // A link that leads nowhere, or where nobody may look, is there for the node by its name alone.
      if (names.length > 0 && error instanceof ZssError && leadsNowhere(error)) return "file";
      throw error;
    });
    const kind = fid.position?.isLink === true ? "file" : found;
    await this.#atNode(`remove ${shown(fid.path)}`, () => {
      const above = { position: undefined };
      return this.#files.remove(nodeFile(entry, rest.slice(0, -1)), above, name, kind);
    });
    return {};
  }

  async #rename({ fid: number, path: to, from: names }: Message<"t_rename">, request: Request): Promise<object> {
    const { table } = request;
    const path = [...table.fids.get(number, "move").path, ...names];
    const [from, above] = [this.#find(table, path, "move"), this.#find(table, to.slice(0, -1), "move into")];
    const [oldName, newName] = [from.rest.at(-1), to.at(-1)];
    if (from.entry.kind !== "node_tree" || oldName === undefined) throw readOnly(path);
    if (above.entry.kind !== "node_tree" || newName === undefined) throw readOnly(to);
    const [source, target] = [nodeFile(from.entry, from.rest.slice(0, -1)), nodeFile(above.entry, above.rest)];
    await this.#permitWrite(from, request);
    await this.#permitWrite({ ...above, path: to, rest: [...above.rest, newName] }, request);
    if (source.node_id !== target.node_id || source.tree !== target.tree) {
      throw new ZssError("exdev", `Cannot move ${shown(path)} to ${shown(to)}: they are in different exports`, {
        hint: "copy it there, then remove it here",
      });
    }
    const action = `move ${shown(path)} to ${shown(to)}`;
    await this.#atNode(action, () => this.#files.rename(source, oldName, target, newName));
    return {};
  }

  /** Finds what is at a path now. @throws {ZssError} `enoent` where nothing is, or nothing that may be seen. */
  #find(table: Table, path: readonly string[], action: string): Place {
    const found = findEntry(this.#source(table), path);
    if (found === undefined) throw noSuchPath(path, action);
    const place = { path, ...found };
    if (found.entry.kind === "node_tree" && !this.#decide(found.entry, found.rest, "read").allowed) {
      throw noSuchPath(path, action);
    }
    return place;
  }

  #source(table: Table) {
    const { plane, actor } = this.#host;
    return worldSource(plane, actor, table.binding, table.look());
  }

  #decide({ viewer, node_id, tree }: NodeTree, rest: readonly string[], act: PathAct): PathDecision {
    const services = this.#services({ node_id });
    return decideNodePath(viewer, services, { node_id, tree, path: rest.join("/") }, act);
  }

  #services({ node_id }: Pick<NodeTree, "node_id">) {
    return catalogOf(this.#host.plane.store, node_id).services;
  }

  /** Whether a place may be written by this viewer. Returns the rule. @throws {ZssError} `eperm`, or `enoent` when it is hidden. */
  #permitWrite(place: Place, { frame }: Request): Promise<string> {
    const { entry, path, rest } = place;
    if (entry.kind === "pairing" && entry.isWritable) return Promise.resolve("the session sees the queues of pairing");
    if (entry.kind !== "node_tree") throw readOnly(path);
    const decision = this.#decide(entry, rest, "write");
    if (decision.allowed) return Promise.resolve(decision.rule);
    if (decision.isHidden) throw noSuchPath(path, "write");
    const error = new ZssError("eperm", `Cannot write ${shown(path)}: ${decision.reason}`, {
      hint: decision.hint,
      data: { rule: decision.rule, reason: decision.code },
    });
    this.#noteWrite(place, entry, frame, { rule: decision.rule, error, isDenied: true });
    throw error;
  }

  /** Whether a place is a directory or a file. @throws {ZssError} `enoent` when there is none, what the node says. */
  async #kindOf(table: Table, fid: Fid, action: string): Promise<"dir" | "file"> {
    const { entry, rest } = this.#find(table, fid.path, action);
    if (entry.kind === "directory" || entry.kind === "node_folders") return "dir";
    if (entry.kind !== "node_tree") return "file";
    if (rest.length === 0 && entry.isKnown) return "dir";
    if (fid.kind !== undefined && action !== "walk to") return fid.kind;
    try {
      const attributes = await this.#files.find(nodeFile(entry, rest), fid);
      fid.found = { attributes, received: this.#received };
      return fid.kind = attributes.k === 2 ? "dir" : "file";
    } catch (error) {
      // A step that leads through a file leads nowhere.
      if (error instanceof FsError && error.errno === Errno.ENOTDIR) throw noSuchPath(fid.path, action);
      if (error instanceof FsError) throw fromNode(error, `${action} ${shown(fid.path)}`);
      throw error;
    }
  }

  async #statOf(table: Table, { path, entry, rest }: Place, fid: Fid): Promise<Stat> {
    if (entry.kind !== "node_tree") return this.#entryStat(table, path, entry);
    if (rest.length === 0 && entry.isKnown) return rootStat(path, entry);
    const look = () => this.#files.find(nodeFile(entry, rest), fid);
    return this.#nodeStat(path, entry, rest, await this.#atNode(`look at ${shown(path)}`, look));
  }

  #nodeStat(path: readonly string[], entry: NodeTree, rest: readonly string[], attributes: FileAttributes): Stat {
    const isWritable = !this.#files.isReadOnly(nodeFile(entry, rest)) && this.#decide(entry, rest, "write").allowed;
    return nodeStat(path, nodeFile(entry, rest), attributes, isWritable);
  }

  /** What a file of the server or a directory holds. */
  async #content(table: Table, place: Place, fid: Fid, how: ListingForm): Promise<Uint8Array> {
    const { entry } = place;
    const encoder = new TextEncoder();
    if (entry.kind === "file") return encoder.encode(entry.text());
    if (entry.kind === "pairing") return encoder.encode(table.desk.read(entry.name));
    const children = await this.#children(table, place, fid, how.links);
    if (how.format === "ndjson") return encoder.encode(children.map((stat) => `${JSON.stringify(stat())}\n`).join(""));
    return encoder.encode(children.map((stat) => stat.name).filter((name) => !name.includes("\n")).join("\n"));
  }

  /** The children of a directory, sorted by name: functions of that name that say what each is. */
  async #children(table: Table, { path, entry, rest }: Place, fid: Fid, links: boolean): Promise<Child[]> {
    switch (entry.kind) {
      case "directory": {
        const names = [...entry.names()].sort();
        return names.flatMap((name) => {
          const child = entry.find(name);
          return child === undefined ? [] : [childOf(name, () => this.#entryStat(table, [...path, name], child))];
        });
      }
      case "node_folders": {
        const names = entry.known ??
          await this.#atNode(`list ${shown(path)}`, () => this.#files.folders(entry.node_id));
        return names.toSorted().map((name) => childOf(name, () => directoryStat([...path, name])));
      }
      case "node_tree": {
        const entries = await this.#atNode(
          `list ${shown(path)}`,
          () => this.#files.list(nodeFile(entry, rest), fid, links),
        );
        return entries.map(({ name, attributes }) =>
          childOf(name, () => this.#nodeStat([...path, name], entry, [...rest, name], attributes))
        );
      }
      default:
        return [];
    }
  }

  /** What stands at a place of the server; nodes are not asked, what they have there is a directory. */
  #entryStat(table: Table, path: readonly string[], entry: WorldEntry): Stat {
    if (entry.kind === "file") return fileStat(path, new TextEncoder().encode(entry.text()).length, false);
    if (entry.kind === "events") return fileStat(path, 0, false);
    if (entry.kind === "pairing") {
      return fileStat(path, new TextEncoder().encode(table.desk.read(entry.name)).length, entry.isWritable);
    }
    return directoryStat(path);
  }

  async #readNode(fid: Fid, file: NodeFile, offset: number, count: number): Promise<object> {
    const { data_b64, eof } = await this.#atNode(
      `read ${shown(fid.path)}`,
      () => this.#handles.use(fid, file, "read", (handle) => this.#files.read(handle, offset, count)),
    );
    return { data_b64, n: decodedLength(data_b64), eof };
  }

  async #readEvents(
    entry: EventStream,
    fid: Fid,
    { offset, count, follow }: Pick<Message<"t_read">, "offset" | "count" | "follow">,
    stop: AbortSignal,
    table: Table,
  ) {
    const { plane } = this.#host;
    fid.reader ??= new EventReader({
      store: plane.store,
      nodeId: entry.node_id,
      look: table.look,
      visible: () => visibleCatalogs(plane, table.look()),
    });
    return await fid.reader.read(offset, count, follow, AbortSignal.any([stop, fid.gone]));
  }

  #tableOf(key: string | undefined): Table {
    const { plane, actor, run } = this.#host;
    const session = this.#host.session(key);
    const known = this.#tables.get(session.key);
    // A session that was bound anew is another one: nothing of the old one is good in it.
    if (known?.binding === session.binding) return known;
    known?.fids.clear();
    const table: Table = {
      binding: session.binding,
      fids: new Fids((fid) => {
        this.#drop(fid);
        void this.#handles.letGo(fid, "read");
        return this.#atNode(`end the writing of ${shown(fid.path)}`, () => this.#handles.letGo(fid, "write"));
      }),
      look: viewerSource(plane.store, actor, session.binding),
      desk: new PairingDesk(plane, run),
    };
    this.#tables.set(session.key, table);
    return table;
  }

  /** Runs something at a node; what it refuses becomes a refusal of this channel. */
  async #atNode<T>(action: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof FsError ? fromNode(error, action) : error;
    }
  }

  #send(text: string): void {
    if (!this.#isClosed) this.#host.socket.sendText(text);
  }

  #refusalOf(error: unknown, type: string): ZssError {
    if (error instanceof ZssError) return error;
    if (error instanceof FsError) return fromNode(error, `run ${type}`);
    log.error("Message {type} failed: {error}", { type, error });
    return new ZssError("eio", `Cannot run ${type}: a fault of the server`, { hint: "the server's log says more" });
  }
}

function isTag(tag: unknown): boolean {
  if (typeof tag === "string") return tag.length <= MAX_ID_CHARS;
  return typeof tag === "number" || typeof tag === "bigint";
}

/** Whether what was found at a place was found after a request had come, or together with it. */
function isFresh({ found }: Fid, { number }: Request): boolean {
  return found !== undefined && number <= found.received;
}

/** Forgets what was found at a place before a request came: another file may stand there by now. */
function renew(fid: Fid, request: Request): void {
  if (!isFresh(fid, request)) fid.position = fid.kind = fid.found = undefined;
}

/** Whether a refusal may be that of a link that cannot be followed. */
function leadsNowhere({ code }: ZssError): boolean {
  return code === "enoent" || code === "eperm";
}

/** A child of a directory: its name, and what it is when somebody asks. */
type Child = (() => Stat) & { readonly name: string };

function childOf(name: string, stat: () => Stat): Child {
  return Object.defineProperty(() => stat(), "name", { value: name });
}

function nodeFile({ node_id, tree, viewer }: NodeTree, rest: readonly string[]): NodeFile {
  return { node_id, tree, rest, asker: askerOf(viewer) };
}

function qid(path: readonly string[], type: "dir" | "file"): object {
  return { path: statId(path), type };
}

function part(bytes: Uint8Array, eof: boolean): object {
  return { data_b64: bytes.toBase64(), n: bytes.length, eof };
}

function isDirectory(path: readonly string[], action: string): ZssError {
  return new ZssError("eisdir", `Cannot ${action} ${shown(path)}: it is a directory`);
}

function readOnly(path: readonly string[]): ZssError {
  return new ZssError("eperm", `Cannot change ${shown(path)}: it is read-only`, {
    hint: "files of services and exported folders are written below the roots of their node",
  });
}
