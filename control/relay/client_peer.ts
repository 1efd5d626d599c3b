/**
 * The server's side of `/v2/fs/node/<node_id>`: a client that reads and writes
 * the files of a node through its tunnel.
 *
 * @module
 */

import { authenticateNode } from "../pairing/nodes.ts";
import { type Actor, mayReachNode } from "../policy/rights.ts";
import { Errno, FsError } from "../protocol/fs.ts";
import { fsErrorFrame, type FsFrame, parseFsFrame, parseFsHello } from "../protocol/fs_frames.ts";
import { findMember } from "../protocol/json.ts";
import { refuse, type RelayParts } from "./node_peer.ts";
import type { RelayClient, RelaySocket } from "./tunnels.ts";

/** A socket of a client. */
export class ClientPeer {
  readonly #parts: RelayParts;
  readonly #socket: RelaySocket & { trustAsNode(): void };
  readonly #nodeId: string;
  readonly #actor: Actor;
  #client: RelayClient | undefined;

  constructor(parts: RelayParts, socket: RelaySocket & { trustAsNode(): void }, nodeId: string, actor: Actor) {
    this.#parts = parts;
    this.#socket = socket;
    this.#nodeId = nodeId;
    this.#actor = actor;
  }

  receive(text: string): Promise<void> {
    if (this.#client === undefined) this.#hello(text);
    else this.#forward(this.#client, text);
    return Promise.resolve();
  }

  closed(): void {
    if (this.#client !== undefined) this.#parts.tunnels.removeClient(this.#nodeId, this.#client);
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
      this.#authenticate(hello.auth_token);
      this.#socket.trustAsNode();
      const client: RelayClient = { socket: this.#socket, subscribed: hello.subscribe_invalidations };
      this.#parts.tunnels.get(this.#nodeId).request(client, requireTag(frame), withoutSecret(text));
      this.#client = client;
      this.#parts.note({ what: "files", actor: this.#actor, nodeId: this.#nodeId });
      this.#parts.tunnels.addClient(this.#nodeId, client);
    } catch (error) {
      this.#parts.note({ what: "files", actor: this.#actor, nodeId: this.#nodeId, error });
      refuse(this.#socket, tag, error);
    }
  }

  #authenticate(token: string | undefined): void {
    if (mayReachNode(this.#actor)) {
      if (this.#parts.store.get("node", this.#nodeId) === undefined) throw new FsError(Errno.ENOENT, "NodeNotFound");
      return;
    }
    if (!token) throw new FsError(Errno.EACCES, "AuthMissing: send auth_token, or connect with a bearer token");
    if (this.#parts.fsTokens.opens(token, this.#nodeId)) return;
    authenticateNode(this.#parts.store, this.#nodeId, token);
  }

  #forward(client: RelayClient, text: string): void {
    let tag: number | undefined;
    try {
      // A frame of megabytes is parsed where it is used, on the node; here only its tag matters.
      const place = findMember(text, "tag");
      tag = place === undefined ? undefined : Number(text.slice(place.start, place.end));
      if (tag === undefined || !Number.isInteger(tag) || tag < 0 || tag > 0xffff_ffff) {
        tag = requireTag(parseFsFrame(text));
      }
      this.#parts.tunnels.get(this.#nodeId).request(client, tag, text);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      this.#socket.sendText(fsErrorFrame(tag, error));
    }
  }
}

function requireTag(frame: FsFrame): number {
  if (frame.tag === undefined) throw new FsError(Errno.EINVAL, "MissingField: tag");
  return frame.tag;
}

/** The hello without what proves the client: the node must not learn it. */
function withoutSecret(text: string): string {
  const frame = JSON.parse(text) as { payload?: Record<string, unknown> };
  delete frame.payload?.["auth_token"];
  return JSON.stringify(frame);
}
