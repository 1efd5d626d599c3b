/**
 * The tunnels of nodes, and the requests of clients that go through them.
 *
 * A node behind any network dials in and keeps one socket open. Requests of all
 * its clients share it: the server gives each a tag of its own and puts the
 * client's back on the reply. Everything but the tag passes through as it came.
 *
 * @module
 */

import type { CancelTimer, Clock } from "../../drivers/process/clock.ts";
import { Errno, FsError } from "../protocol/fs.ts";
import { fsErrorFrame } from "../protocol/fs_frames.ts";
import { findMember } from "../protocol/json.ts";

/** How long a node may take to answer one request, in milliseconds. */
const REPLY_TIMEOUT_MS = 45_000;

/** The part of a socket that the relay needs. */
export interface RelaySocket {
  sendText(text: string): void;
  close(code: number, reason: string): void;
}

/** A client on the other side of a relay. */
export interface RelayClient {
  readonly socket: RelaySocket;
  /** Whether it wants to hear of changes. */
  readonly subscribed: boolean;
}

interface Pending {
  readonly client: RelayClient;
  readonly tag: number;
  readonly cancel: CancelTimer;
}

/** One node's tunnel. */
export class Tunnel {
  readonly socket: RelaySocket;
  readonly #clock: Clock;
  readonly #clients: ReadonlySet<RelayClient>;
  readonly #pending = new Map<number, Pending>();
  #nextTag = 1;

  constructor(socket: RelaySocket, clients: ReadonlySet<RelayClient>, clock: Clock) {
    this.socket = socket;
    this.#clients = clients;
    this.#clock = clock;
  }

  /** Sends a client's request on; the reply goes to the client. */
  request(client: RelayClient, tag: number, text: string): void {
    const upstream = this.#nextTag;
    this.#nextTag = this.#nextTag % 0xffff_ffff + 1;
    const cancel = this.#clock.after(REPLY_TIMEOUT_MS, () => {
      this.#pending.delete(upstream);
      client.socket.sendText(fsErrorFrame(tag, new FsError(Errno.EIO, "NodeTunnelUnavailable: no answer in 45 s")));
    });
    this.#pending.set(upstream, { client, tag, cancel });
    this.socket.sendText(withTag(text, upstream));
  }

  /** Takes a frame from the node: a reply to a request, or news for those who subscribed. */
  receive(text: string): void {
    const type = memberText(text, "type");
    if (type?.startsWith('"acheron.e_fs_')) {
      for (const client of this.#clients) if (client.subscribed) client.socket.sendText(text);
      return;
    }
    const tag = Number(memberText(text, "tag"));
    const pending = this.#pending.get(tag);
    // A reply that comes after its deadline, or to a client that left, has nobody to go to.
    if (pending === undefined) return;
    this.#pending.delete(tag);
    pending.cancel();
    pending.client.socket.sendText(withTag(text, pending.tag));
  }

  /** Forgets the requests of a client that left. */
  forget(client: RelayClient): void {
    for (const [tag, pending] of this.#pending) {
      if (pending.client !== client) continue;
      pending.cancel();
      this.#pending.delete(tag);
    }
  }

  /** Fails every request that waits. */
  fail(): void {
    for (const { client, tag, cancel } of this.#pending.values()) {
      cancel();
      client.socket.sendText(fsErrorFrame(tag, tunnelUnavailable()));
    }
    this.#pending.clear();
  }
}

/** All tunnels of a server. */
export class TunnelRegistry {
  readonly #clock: Clock;
  readonly #tunnels = new Map<string, Tunnel>();
  readonly #clients = new Map<string, Set<RelayClient>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Opens the tunnel of a node. One that is open already is closed, and what waits in it fails. */
  open(nodeId: string, socket: RelaySocket): Tunnel {
    const earlier = this.#tunnels.get(nodeId);
    earlier?.fail();
    earlier?.socket.close(1000, "superseded by a newer tunnel of this node");
    const tunnel = new Tunnel(socket, this.#clientsOf(nodeId), this.#clock);
    this.#tunnels.set(nodeId, tunnel);
    return tunnel;
  }

  /** Closes a tunnel; does nothing when a newer one has taken its place. */
  closed(nodeId: string, tunnel: Tunnel): void {
    tunnel.fail();
    if (this.#tunnels.get(nodeId) === tunnel) this.#tunnels.delete(nodeId);
  }

  /** Closes the tunnel of a node that was deleted; does nothing when it has none. */
  drop(nodeId: string): void {
    this.#tunnels.get(nodeId)?.socket.close(1008, "the node was deleted");
  }

  /** @throws {FsError} `EIO` when the node has no tunnel. */
  get(nodeId: string): Tunnel {
    const tunnel = this.#tunnels.get(nodeId);
    if (tunnel === undefined) throw tunnelUnavailable();
    return tunnel;
  }

  addClient(nodeId: string, client: RelayClient): void {
    this.#clientsOf(nodeId).add(client);
  }

  removeClient(nodeId: string, client: RelayClient): void {
    this.#tunnels.get(nodeId)?.forget(client);
    const clients = this.#clients.get(nodeId);
    clients?.delete(client);
    if (clients?.size === 0 && !this.#tunnels.has(nodeId)) this.#clients.delete(nodeId);
  }

  #clientsOf(nodeId: string): Set<RelayClient> {
    const known = this.#clients.get(nodeId);
    if (known !== undefined) return known;
    const clients = new Set<RelayClient>();
    this.#clients.set(nodeId, clients);
    return clients;
  }
}

function tunnelUnavailable(): FsError {
  return new FsError(Errno.EIO, "node tunnel is unavailable");
}

function memberText(text: string, name: string): string | undefined {
  const place = findMember(text, name);
  return place === undefined ? undefined : text.slice(place.start, place.end);
}

/** The frame with another tag; every other byte stays. */
function withTag(text: string, tag: number): string {
  const place = findMember(text, "tag");
  return place === undefined ? text : `${text.slice(0, place.start)}${tag}${text.slice(place.end)}`;
}
