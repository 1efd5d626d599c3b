/**
 * The server's side of `/v2/fs/node/<node_id>`: a client that reads and writes
 * the files of a node through its tunnel.
 *
 * An admin, and whoever has the node's own secret, reaches all of it. Everybody
 * else reaches what control/policy/node_path.ts permits, decided anew at each
 * request; invokes and refusals are written down.
 *
 * @module
 */

import { catalogOf } from "../pairing/node_events.ts";
import { authenticateNode } from "../pairing/nodes.ts";
import { decideNodePath, type PathDecision } from "../policy/node_path.ts";
import type { Actor } from "../policy/rights.ts";
import { decideNode, type Viewer } from "../policy/visibility.ts";
import { isObject } from "../protocol/envelope.ts";
import { Errno, FsError, SERVICE_TREE } from "../protocol/fs.ts";
import { fsErrorFrame, type FsFrame, type FsHello, parseFsFrame, parseFsHello } from "../protocol/fs_frames.ts";
import { findMember, stringifyJson } from "../protocol/json.ts";
import { startOf } from "../sessions/gate.ts";
import { viewerSource } from "../sessions/viewer.ts";
import {
  ClientFiles,
  type ClientRequest,
  closing,
  readRequest,
  requireTag,
  type Touch,
  type TreePath,
} from "./client_files.ts";
import { refuse, type RelayParts, type Speaker } from "./node_peer.ts";
import type { RelayClient, RelaySocket, Tunnel } from "./tunnels.ts";

/** A socket of a client. */
export interface ClientSocket extends RelaySocket {
  /** Called once the client has proved who it is. */
  trustAsNode(): void;
  /** Ties the connection to a token: it ends when the token does. */
  belongTo(actor: Actor): void;
}

/** Who has opened the files of a node, and through whose eyes they are seen; without any, whole. */
interface Opener {
  readonly speaker: Speaker;
  readonly viewer: (() => Viewer) | undefined;
}

interface Open extends Opener {
  readonly client: RelayClient;
  readonly files: ClientFiles;
  /** The tunnel that gave the numbers which the client knows. */
  tunnel: Tunnel;
}

/** What a client of the relay needs. */
export type ClientParts = Pick<RelayParts, "store" | "tunnels" | "fsTokens" | "note">;

/** A client of the relay. */
export class ClientPeer {
  readonly #parts: ClientParts;
  readonly #socket: ClientSocket;
  readonly #nodeId: string;
  readonly #actor: Actor;
  #open: Open | undefined;
  #isClosed = false;

  constructor(parts: ClientParts, socket: ClientSocket, nodeId: string, actor: Actor) {
    this.#parts = parts;
    this.#socket = socket;
    this.#nodeId = nodeId;
    this.#actor = actor;
  }

  receive(text: string): Promise<void> {
    if (this.#open === undefined) this.#hello(text);
    else this.#forward(this.#open, text);
    return Promise.resolve();
  }

  closed(): void {
    this.#isClosed = true;
    if (this.#open === undefined) return;
    const { client, files, tunnel } = this.#open;
    this.#parts.tunnels.removeClient(this.#nodeId, client);
    for (const frame of files.closings()) tunnel.tell(frame);
  }

  #hello(text: string): void {
    let tag: number | undefined;
    try {
      const frame = parseFsFrame(text);
      tag = frame.tag;
      if (frame.type !== "acheron.t_fs_hello") {
        throw new FsError(Errno.EINVAL, "acheron.t_fs_hello must be negotiated first");
      }
      const hello = parseFsHello(frame.payload);
      const opener = this.#authenticate(hello);
      this.#socket.trustAsNode();
      const tunnel = this.#parts.tunnels.get(this.#nodeId);
      const client: RelayClient = {
        socket: this.#socket,
        news: hello.subscribe_invalidations ? (news) => this.#tellNews(news) : () => {},
      };
      tunnel.request(client, requireTag(frame), forTheNode(frame));
      this.#open = { ...opener, client, files: new ClientFiles(opener.viewer !== undefined), tunnel };
      this.#parts.note({ what: "files", speaker: opener.speaker, nodeId: this.#nodeId });
      this.#parts.tunnels.addClient(this.#nodeId, client);
    } catch (error) {
      this.#parts.note({ what: "files", speaker: this.#actor, nodeId: this.#nodeId, error });
      refuse(this.#socket, tag, error);
    }
  }

  /** @throws {FsError} `EACCES` or `ENOENT`. @throws {ZssError} `node_auth_failed`. */
  #authenticate(hello: FsHello): Opener {
    if (this.#actor.role !== "anonymous") return this.#opened(this.#actor, hello);
    const token = hello.auth_token;
    if (!token) throw new FsError(Errno.EACCES, "AuthMissing: send auth_token, or connect with a bearer token");
    const grant = this.#parts.fsTokens.open(token, this.#nodeId);
    if (grant === undefined) {
      authenticateNode(this.#parts.store, this.#nodeId, token);
      return { speaker: { role: "node", name: this.#nodeId }, viewer: undefined };
    }
    this.#socket.belongTo(grant.actor);
    return this.#opened(grant.actor, { ...hello, ...grant.binding, project_id: grant.binding.project_id ?? undefined });
  }

  #opened(actor: Actor, { project_id, project_token, agent_id }: Partial<FsHello>): Opener {
    const { store } = this.#parts;
    if (actor.role === "admin") {
      if (store.get("node", this.#nodeId) === undefined) throw new FsError(Errno.ENOENT, "NodeNotFound");
      return { speaker: actor, viewer: undefined };
    }
    const start = startOf(store, actor).binding;
    const viewer = viewerSource(store, actor, {
      agent_id: agent_id ?? start.agent_id,
      project_id: project_id ?? start.project_id,
      project_token,
    });
    const decision = decideNode(viewer(), this.#nodeId);
    if (!decision.allowed) throw new FsError(Errno.ENOENT, `NodeNotFound: ${decision.reason}; ${decision.hint}`);
    return { speaker: actor, viewer };
  }

  #forward(open: Open, text: string): void {
    let tag: number | undefined;
    try {
      const request = readRequest(text, open.viewer !== undefined);
      tag = request.tag;
      const tunnel = this.#parts.tunnels.get(this.#nodeId);
      if (tunnel !== open.tunnel) {
        // Another connection of the node, perhaps of another process: the numbers may stand for other files there.
        open.files.clear();
        open.tunnel = tunnel;
      }
      const touches = open.files.touches(request);
      for (const touch of touches) this.#require(open, request, touch);
      tunnel.request(open.client, request.tag, request.text, (reply) => this.#replied(open, request, touches, reply));
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      this.#socket.sendText(fsErrorFrame(tag ?? tagOf(text), error));
    }
  }

  #decide({ viewer }: Open, place: TreePath, act: Touch["act"]): PathDecision {
    if (viewer === undefined) return { allowed: true, rule: "all of the node may be reached", isHidden: false };
    const { services } = catalogOf(this.#parts.store, this.#nodeId);
    return decideNodePath(viewer(), services, { node_id: this.#nodeId, ...place }, act);
  }

  #require(open: Open, request: ClientRequest, touch: Touch): void {
    const decision = this.#decide(open, touch, touch.act);
    if (decision.allowed) return;
    const error = decision.isHidden
      ? new FsError(Errno.ENOENT, "file not found")
      : new FsError(Errno.EACCES, `${decision.reason}; ${decision.hint}`);
    // Who closes a handle of what is hidden by now does no harm, and it would stay open.
    if (request.op === "fs_close") return;
    this.#note(open, request, touch, { error, rule: decision.rule });
    throw error;
  }

  /** Looks at a reply for what it teaches and what must be written down; returns what the client gets. */
  #replied(
    open: Open,
    request: ClientRequest,
    touches: readonly Touch[],
    reply: string | undefined,
  ): string | undefined {
    const written = request.op === "fs_write" ? touches.find(isOperated) : undefined;
    if (reply === undefined) {
      if (written !== undefined) this.#note(open, request, written, { error: new FsError(Errno.EIO, "no answer") });
      return undefined;
    }
    if (written === undefined && !open.files.matters(request)) return reply;
    const frame = readReply(reply);
    if (frame === undefined) return reply;
    if (written !== undefined) this.#noteWrite(open, request, written, frame);
    if (this.#isClosed) {
      // A file that was opened for a client that has left meanwhile.
      const handle = isObject(frame.payload) ? frame.payload["h"] : undefined;
      if (typeof handle === "number" || typeof handle === "bigint") open.tunnel.tell(closing(String(handle)));
      return undefined;
    }
    if (open.viewer === undefined || request.op !== "fs_exports") {
      open.files.learn(request, frame);
      return reply;
    }
    const shown = this.#withoutHidden(open, frame);
    open.files.learn(request, shown);
    return stringifyJson(shown.members);
  }

  /** The list of exports with those only that the client may see. */
  #withoutHidden(open: Open, frame: FsFrame): FsFrame {
    const { payload } = frame;
    if (!isObject(payload) || !Array.isArray(payload["exports"])) return frame;
    const exports = payload["exports"].filter((one) =>
      isObject(one) && this.#decide(open, { tree: String(one["name"]), path: "" }, "read").allowed
    );
    const shown = { ...payload, exports };
    return { ...frame, payload: shown, members: { ...frame.members, payload: shown } };
  }

  #tellNews(text: string): void {
    const { viewer, files } = this.#open ?? {};
    if (this.#open === undefined || files === undefined) return;
    if (viewer !== undefined) {
      const payload = readReply(text)?.payload;
      const node = isObject(payload) ? payload["node"] ?? payload["dir"] : undefined;
      const place = files.placeOf(String(node));
      if (place === undefined || !this.#decide(this.#open, place, "read").allowed) return;
    }
    this.#socket.sendText(text);
  }

  #noteWrite(open: Open, request: ClientRequest, touch: Touch, frame: FsFrame): void {
    const { error } = frame.members;
    if (isObject(error)) {
      const errno = error["errno"];
      // A document that is not complete yet is no invoke.
      if (errno === Errno.EINVAL) return;
      const known = Object.values(Errno).find((one) => one === errno) ?? Errno.EIO;
      this.#note(open, request, touch, { error: new FsError(known, String(error["message"])) });
      return;
    }
    const callId = isObject(frame.payload) ? frame.payload["call_id"] : undefined;
    const isInvoke = touch.path.endsWith("invoke.json");
    if (isInvoke && callId === undefined) return;
    this.#note(open, request, touch, { callId: typeof callId === "string" ? callId : undefined });
  }

  #note(
    open: Open,
    request: ClientRequest,
    { tree, path, act }: Touch,
    outcome: { readonly error?: FsError; readonly rule?: string; readonly callId?: string | undefined },
  ): void {
    const isService = tree.startsWith(SERVICE_TREE);
    const place = isService ? `services/${tree.slice(SERVICE_TREE.length)}` : tree;
    this.#parts.note({
      what: isService && act === "write" ? "invoke" : "files",
      speaker: open.speaker,
      nodeId: this.#nodeId,
      target: `/nodes/${this.#nodeId}/${place}${path === "" ? "" : `/${path}`}`.slice(0, 512),
      correlationId: outcome.callId ?? `${request.op} ${request.tag}`,
      ...(outcome.error === undefined ? {} : { error: outcome.error }),
      ...(outcome.rule === undefined ? {} : { rule: outcome.rule }),
    });
  }
}

/** Whether writing there makes a service do something. */
function isOperated({ tree, path, act }: Touch): boolean {
  return act === "write" && tree.startsWith(SERVICE_TREE) && (path.startsWith("control/") || path === "config.json");
}

/** What a node sent; `undefined` for what is no frame. */
function readReply(text: string): FsFrame | undefined {
  try {
    return parseFsFrame(text);
  } catch (error) {
    if (error instanceof FsError) return undefined;
    throw error;
  }
}

/** The tag of a frame that could not be read, if there is one to be found. */
function tagOf(text: string): number | undefined {
  const place = findMember(text, "tag");
  const tag = place === undefined ? NaN : Number(text.slice(place.start, place.end));
  return Number.isInteger(tag) && tag >= 0 && tag <= 0xffff_ffff ? tag : undefined;
}

/** The hello without what proves the client and what it sees: that is not the node's business. */
function forTheNode({ members }: FsFrame): string {
  const payload = { ...Object(members["payload"]) };
  for (const name of ["auth_token", "project_id", "project_token", "agent_id"]) delete payload[name];
  return stringifyJson({ ...members, payload });
}
