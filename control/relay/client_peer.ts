/**
 * The server's side of `/v2/fs/node/<node_id>`: a client that reads and writes
 * the files of a node through its tunnel.
 *
 * An admin, and whoever has the node's own secret, reaches all of it. Everybody
 * else looks from within a project that it may read, and reaches what
 * control/policy/node_path.ts permits, decided anew at each request; invokes and
 * refusals are written down.
 *
 * @module
 */

import { catalogOf } from "../pairing/node_events.ts";
import { authenticateNode } from "../pairing/nodes.ts";
import { decideNodePath, type PathDecision } from "../policy/node_path.ts";
import type { Actor } from "../policy/rights.ts";
import { askerOf, decideNode, type Viewer } from "../policy/visibility.ts";
import { isObject } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import { Errno, FsError, serviceOfTree } from "../protocol/fs.ts";
import { fsErrorFrame, type FsFrame, type FsHello, parseFsFrame, parseFsHello } from "../protocol/fs_frames.ts";
import { stringifyJson } from "../protocol/json.ts";
import type { Binding } from "../sessions/bindings.ts";
import { permitBinding } from "../sessions/binding_rights.ts";
import { startOf } from "../sessions/gate.ts";
import { viewerSource } from "../sessions/viewer.ts";
import { ClientFiles, closing, type Touch, type TreePath } from "./client_files.ts";
import { ClientNotes } from "./client_notes.ts";
import { type ClientRequest, forTheNode, idOf, operations, readRequest, requireTag, tagOf } from "./client_request.ts";
import { refuse, type RelayParts, type Speaker } from "./node_peer.ts";
import { ownerOf } from "./open_files.ts";
import { type RelayClient, type RelaySocket, sendOrDrop, type Tunnel } from "./tunnels.ts";

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
  readonly notes: ClientNotes;
  /** The tunnel that gave the numbers which the client knows. */
  tunnel: Tunnel;
}

/** What a client of the relay needs. */
export type ClientParts = Pick<RelayParts, "store" | "tunnels" | "fsTokens" | "clock" | "note">;

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

  // deno-lint-ignore require-await -- what is thrown in here must reach whoever waits, not the socket's event
  async receive(text: string): Promise<void> {
    if (this.#open === undefined) this.#hello(text);
    else this.#forward(this.#open, text);
  }

  closed(): void {
    this.#isClosed = true;
    if (this.#open === undefined) return;
    const { client, files, tunnel } = this.#open;
    tunnel.openFiles.leave(ownerOf(this.#open.speaker), files);
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
        ...(hello.subscribe_invalidations ? { news: (news, id) => this.#tellNews(news, id) } : {}),
      };
      tunnel.request(client, requireTag(frame), forTheNode(frame));
      const { speaker, viewer } = opener;
      const agentId = viewer?.().agent_id ?? null;
      this.#open = {
        ...opener,
        client,
        tunnel,
        files: new ClientFiles(viewer !== undefined),
        notes: new ClientNotes({ ...this.#parts, nodeId: this.#nodeId, speaker, agentId }),
      };
      tunnel.openFiles.join(ownerOf(speaker), this.#open.files);
      this.#parts.note({ what: "files", speaker, agentId, nodeId: this.#nodeId });
      this.#parts.tunnels.addClient(this.#nodeId, client);
    } catch (error) {
      this.#parts.note({ what: "files", speaker: this.#actor, agentId: null, nodeId: this.#nodeId, error });
      refuse(this.#socket, tag, error);
    }
  }

  /** @throws {FsError} `EACCES` or `ENOENT`. @throws {ZssError} `node_auth_failed`. */
  #authenticate(hello: FsHello): Opener {
    if (this.#actor.role !== "anonymous") return this.#opened(this.#actor, this.#bindingOf(this.#actor, hello));
    const token = hello.auth_token;
    if (!token) throw new FsError(Errno.EACCES, "AuthMissing: send auth_token, or connect with a bearer token");
    const grant = this.#parts.fsTokens.open(token, this.#nodeId);
    if (grant === undefined) {
      authenticateNode(this.#parts.store, this.#nodeId, token);
      return { speaker: { role: "node", name: this.#nodeId }, viewer: undefined };
    }
    this.#socket.belongTo(grant.actor);
    return this.#opened(grant.actor, grant.binding);
  }

  /** From where somebody looks: what the hello names, else where it was last. */
  #bindingOf(actor: Actor, { project_id, project_token, agent_id }: FsHello): Binding {
    const { binding } = startOf(this.#parts.store, actor);
    return {
      agent_id: agent_id ?? binding.agent_id,
      project_id: project_id ?? binding.project_id,
      project_token,
    };
  }

  #opened(actor: Actor, binding: Binding): Opener {
    const { store } = this.#parts;
    if (actor.role === "admin") {
      if (store.get("node", this.#nodeId) === undefined) throw new FsError(Errno.ENOENT, "NodeNotFound");
      return { speaker: actor, viewer: undefined };
    }
    if (binding.project_id === null) {
      throw new FsError(
        Errno.ENOENT,
        "NodeNotFound: the session is bound to no project; bind it to one with --project, or project_id of the hello",
      );
    }
    const viewer = viewerSource(store, actor, binding);
    // One answer for all that is not to be seen, or it would tell what there is.
    if (!isPermitted(() => permitBinding(store, actor, binding)) || !decideNode(viewer(), this.#nodeId).allowed) {
      throw new FsError(
        Errno.ENOENT,
        "NodeNotFound: no such node is mounted in a project of this name that you may read and observe; " +
          "zss workspace status shows what is mounted",
      );
    }
    return { speaker: actor, viewer };
  }

  #forward(open: Open, text: string): void {
    let tag: number | undefined;
    try {
      const request = readRequest(text, open.viewer && askerOf(open.viewer()));
      tag = request.tag;
      const tunnel = this.#parts.tunnels.get(this.#nodeId);
      if (tunnel !== open.tunnel) {
        // Another connection of the node, perhaps of another process: the numbers may stand for other files there.
        open.files.clear();
        open.tunnel.openFiles.leave(ownerOf(open.speaker), open.files);
        tunnel.openFiles.join(ownerOf(open.speaker), open.files);
        open.tunnel = tunnel;
      }
      const touches = open.files.touches(request);
      const rules = touches.map((touch) => this.#require(open, request, touch));
      if (operations[request.op]?.opens === true) tunnel.openFiles.requireRoom(ownerOf(open.speaker));
      // What waits for its reply holds on to no more than it needs.
      const held = { ...request, text: "" };
      tunnel.request(open.client, tag, request.text, (reply) => this.#replied(open, held, { touches, rules }, reply));
      open.files.sent(request);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      sendOrDrop(this.#socket, fsErrorFrame(tag ?? tagOf(text), error));
    }
  }

  #decide({ viewer }: Open, place: TreePath, act: Touch["act"]): PathDecision {
    if (viewer === undefined) return { allowed: true, rule: "all of the node may be reached", isHidden: false };
    const { services } = catalogOf(this.#parts.store, this.#nodeId);
    return decideNodePath(viewer(), services, { node_id: this.#nodeId, ...place }, act);
  }

  /** @returns The rule that permits it. */
  #require(open: Open, request: ClientRequest, touch: Touch): string {
    const decision = this.#decide(open, touch, touch.act);
    // Who closes a file that is hidden by now does no harm, and it would stay open.
    if (decision.allowed || request.op === "fs_close") return decision.rule;
    const error = decision.isHidden
      ? new FsError(Errno.ENOENT, "file not found")
      : new FsError(Errno.EACCES, `${decision.reason}; ${decision.hint}`);
    open.notes.refused(request, touch, error, decision.rule);
    throw error;
  }

  /** Looks at a reply for what it teaches and what must be written down; returns what the client gets. */
  #replied(
    open: Open,
    request: ClientRequest,
    { touches, rules }: { readonly touches: readonly Touch[]; readonly rules: readonly string[] },
    reply: string | undefined,
  ): string | undefined {
    const { files, notes } = open;
    const written = notes.writeOf(request, touches);
    const rule = rules[0] ?? null;
    files.ended(request);
    if (reply === undefined) {
      if (written !== undefined) notes.unanswered(request, written);
      return undefined;
    }
    if (written === undefined && !files.matters(request)) return reply;
    const frame = readReply(reply);
    if (frame === undefined) return reply;
    if (written !== undefined) notes.answered(request, written, frame, rule);
    if (this.#isClosed) {
      // A file that was opened for a client that has left meanwhile.
      const handle = isObject(frame.payload) ? idOf(frame.payload["h"]) : undefined;
      if (handle !== undefined) open.tunnel.tell(closing(handle));
      return undefined;
    }
    if (open.viewer === undefined || request.op !== "fs_exports") {
      files.learn(request, frame);
      return reply;
    }
    const shown = this.#withoutHidden(open, frame);
    files.learn(request, shown);
    return stringifyJson(shown.members);
  }

  /** The list of exports with those only that the client may see, and without where they lie on the node. */
  #withoutHidden(open: Open, frame: FsFrame): FsFrame {
    const { payload } = frame;
    if (!isObject(payload) || !Array.isArray(payload["exports"])) return frame;
    const exports = payload["exports"].filter(isObject).flatMap((one) => {
      const { name: tree } = one;
      if (typeof tree !== "string" || !this.#decide(open, { tree, path: "" }, "read").allowed) return [];
      return [serviceOfTree(tree) !== undefined ? one : { ...one, desc: "" }];
    });
    const shown = { ...payload, exports };
    return { ...frame, payload: shown, members: { ...frame.members, payload: shown } };
  }

  #tellNews(text: string, id: string): void {
    const open = this.#open;
    if (open === undefined) return;
    if (open.viewer !== undefined) {
      const place = open.files.placeOf(id);
      if (place === undefined || !this.#decide(open, place, "read").allowed) return;
    }
    sendOrDrop(this.#socket, text);
  }
}

function isPermitted(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof ZssError) return false;
    throw error;
  }
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
