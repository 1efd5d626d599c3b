/**
 * The tunnels of nodes, and the requests of clients that go through them.
 *
 * A node behind any network dials in and keeps one socket open. Requests of all
 * its clients share it: the server gives each a tag of its own and puts the
 * client's back on the reply. A client has so many requests on the way to the
 * node and no more, and so many bytes in the node's socket; what it sends beyond that
 * waits here, so that one client in a hurry does not make the others wait.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { CancelTimer, Clock } from "../../drivers/process/clock.ts";
import { Errno, FsError } from "../protocol/fs.ts";
import { fsErrorFrame, fsRequestFrame } from "../protocol/fs_frames.ts";
import { findMember } from "../protocol/json.ts";
import { OpenFiles } from "./open_files.ts";

const log = getLogger(["zss", "control", "relay"]);

/** How long a node may take to answer one request, in milliseconds; what it waits here counts. */
const REPLY_TIMEOUT_MS = 45_000;
/** So many requests of one client are on the way to the node. */
const MAX_UNDER_WAY = 64;
/** So much of one client is in the socket of the node, in UTF-16 units: four writes of 1 MiB as base64. */
const MAX_SENDING_CHARS = 6_291_456;
/** What is shorter is not counted: as many as may be under way are no more than the share of a client. */
const COUNTED_CHARS = 65_536;
/** So many more may wait here, */
const MAX_WAITING = 1_024;
/** and they may be so long together, in UTF-16 units: a client may send 20 MiB at once to a node that keeps up. */
const MAX_WAITING_CHARS = 25_165_824;
/** So many requests that the node was too slow to answer are remembered, for what their answers do. */
const MAX_LATE = 1_024;
/** What may wait to be sent to a node or a client before requests are refused or the client is dropped, in bytes. */
const MAX_BUFFERED_BYTES = 33_554_432;

/** The part of a socket that the relay needs. */
export interface RelaySocket {
  readonly bufferedBytes: number;
  sendText(text: string): void;
  close(code: number, reason: string): void;
}

/** The socket of a node. */
export interface NodeSocket extends RelaySocket {
  /** Calls `action` when what was sent before has left; never when the socket is closed before. */
  whenFlushed(action: () => void): void;
}

/** A client on the other side of a relay. */
export interface RelayClient {
  readonly socket: RelaySocket;
  /** Takes news that nobody asked for: the file or directory of that id has changed. Absent when it wants none. */
  readonly news?: (text: string, id: string) => void;
}

/** Sends to a client; one that leaves too much unread is dropped. */
export function sendOrDrop(socket: RelaySocket, text: string): void {
  socket.sendText(text);
  if (socket.bufferedBytes > MAX_BUFFERED_BYTES) socket.close(1013, "reads more slowly than it asks");
}

/**
 * Looks at the reply to a request before the client does.
 *
 * @param reply As the node sent it, with the tag of the tunnel; `undefined` when none came in time.
 * @returns What the client gets instead.
 */
export type ReplyFilter = (reply: string | undefined) => string | undefined;

interface Request {
  readonly client: RelayClient;
  readonly tag: number;
  /** The frame; empty when the node has it. */
  text: string;
  readonly filter: ReplyFilter;
  readonly cancel: CancelTimer;
  /** Tag on the tunnel; `undefined` while it waits. */
  upstream: number | undefined;
}

/** The requests of one client. */
interface Line {
  underWay: number;
  /** What is in the socket of the node, of the requests that count. */
  sendingChars: number;
  waiting: Request[];
  waitingChars: number;
  isGone: boolean;
}

/** What a node can do that the reference's cannot. */
export interface NodeAbilities {
  /** Whether it takes `t_fs_walk`. */
  readonly walks: boolean;
}

/** One node's tunnel. */
export class Tunnel {
  readonly socket: NodeSocket;
  readonly abilities: NodeAbilities;
  readonly openFiles = new OpenFiles();
  readonly #clock: Clock;
  readonly #clients: ReadonlySet<RelayClient>;
  readonly #pending = new Map<number, Request>();
  readonly #lines = new Map<RelayClient, Line>();
  /** What looks at replies that come after their deadline: they may have opened a file, or run a service. */
  readonly #late = new Map<number, ReplyFilter>();
  #isOver = false;
  #nextTag = 1;
  /** Whether the node sends news; `undefined` when it sends them whatever it is told. */
  #sendsNews: boolean | undefined;

  constructor(socket: NodeSocket, clients: ReadonlySet<RelayClient>, clock: Clock, abilities: NodeAbilities) {
    this.socket = socket;
    this.abilities = abilities;
    this.#clients = clients;
    this.#clock = clock;
  }

  /**
   * Sends a client's request on; the reply goes to the client.
   *
   * @throws {FsError} `EAGAIN` when the client or the node has too much to do already.
   */
  request(client: RelayClient, tag: number, text: string, filter: ReplyFilter = (reply) => reply): void {
    const line = this.#lineOf(client);
    const mustWait = line.waiting.length > 0 || !hasRoom(line, text);
    if (mustWait && (line.waiting.length >= MAX_WAITING || line.waitingChars + text.length > MAX_WAITING_CHARS)) {
      throw new FsError(
        Errno.EAGAIN,
        `too many requests under way: ${line.underWay + line.waiting.length} wait for their answer`,
      );
    }
    if (this.socket.bufferedBytes > MAX_BUFFERED_BYTES) {
      throw new FsError(Errno.EAGAIN, "the node takes requests more slowly than they come");
    }
    const request: Request = {
      client,
      tag,
      text,
      filter,
      upstream: undefined,
      cancel: this.#clock.after(REPLY_TIMEOUT_MS, () => this.#expire(request)),
    };
    if (!mustWait) return this.#send(request, line);
    line.waiting.push(request);
    line.waitingChars += text.length;
  }

  /**
   * From now on the node is told whether anybody wants its news: an invoke makes ten, and to send them takes as long as
   * the rest of it.
   */
  askForNewsOnDemand(): void {
    this.#sendsNews = true;
    this.clientsChanged();
  }

  /** Tells the node when the first client that wants news has come, or the last has gone. */
  clientsChanged(): void {
    if (this.#sendsNews === undefined || this.#isOver) return;
    const isWanted = [...this.#clients].some(({ news }) => news !== undefined);
    if (isWanted === this.#sendsNews) return;
    this.#sendsNews = isWanted;
    this.tell(fsRequestFrame("fs_subscribe", 0, {}, { invalidations: isWanted }));
  }

  /** Sends a request of the server's own that nobody waits for. */
  tell(text: string): void {
    this.socket.sendText(withTag(text, this.#takeTag()));
  }

  /** Takes a frame from the node: a reply to a request, or news for those who subscribed. */
  receive(text: string): void {
    if (this.#isOver) return;
    const type = memberText(text, "type");
    if (type?.startsWith('"acheron.e_fs_')) {
      const id = /"(?:node|dir)"\s*:\s*(\d+)/.exec(text)?.[1] ?? "";
      for (const client of this.#clients) client.news?.(text, id);
      return;
    }
    const tag = Number(memberText(text, "tag"));
    const late = this.#late.get(tag);
    if (late !== undefined) {
      this.#late.delete(tag);
      filtered(late, text);
    }
    const request = this.#pending.get(tag);
    if (request === undefined) return;
    const line = this.#ended(request);
    const reply = filtered(request.filter, text);
    if (line?.isGone === false && reply !== undefined) {
      sendOrDrop(request.client.socket, withTag(reply, request.tag));
    }
    if (line !== undefined) this.#fill(request.client, line);
  }

  /** Drops what waits of a client that left. The replies that are on their way are looked at still. */
  forget(client: RelayClient): void {
    const line = this.#lines.get(client);
    if (line === undefined) return;
    line.isGone = true;
    for (const { cancel } of line.waiting) cancel();
    line.waiting = [];
    line.waitingChars = 0;
    this.#fill(client, line);
  }

  /** Fails every request that waits. */
  fail(): void {
    this.#isOver = true;
    const lines = [...this.#lines.values()];
    const requests = [...this.#pending.values(), ...lines.flatMap(({ waiting }) => waiting)];
    this.#pending.clear();
    this.#lines.clear();
    for (const request of requests) {
      request.cancel();
      filtered(request.filter, undefined);
      request.client.socket.sendText(fsErrorFrame(request.tag, tunnelUnavailable()));
    }
    for (const filter of this.#late.values()) filtered(filter, undefined);
    this.#late.clear();
  }

  #lineOf(client: RelayClient): Line {
    const known = this.#lines.get(client);
    if (known !== undefined) return known;
    const line: Line = { underWay: 0, sendingChars: 0, waiting: [], waitingChars: 0, isGone: false };
    this.#lines.set(client, line);
    return line;
  }

  #send(request: Request, line: Line): void {
    const upstream = this.#takeTag();
    request.upstream = upstream;
    this.#pending.set(upstream, request);
    line.underWay++;
    this.socket.sendText(withTag(request.text, upstream));
    const chars = request.text.length;
    request.text = "";
    if (chars < COUNTED_CHARS) return;
    line.sendingChars += chars;
    this.socket.whenFlushed(() => {
      line.sendingChars -= chars;
      if (!this.#isOver) this.#fill(request.client, line);
    });
  }

  #takeTag(): number {
    const tag = this.#nextTag;
    this.#nextTag = this.#nextTag % 0xffff_ffff + 1;
    return tag;
  }

  #expire(request: Request): void {
    const line = this.#ended(request);
    const { upstream, filter, client, tag } = request;
    if (upstream === undefined) filtered(filter, undefined);
    else this.#expectLate(upstream, filter);
    if (line === undefined) return;
    const error = new FsError(Errno.EIO, "NodeTunnelUnavailable: no answer in 45 s");
    if (!line.isGone) sendOrDrop(client.socket, fsErrorFrame(tag, error));
    this.#fill(client, line);
  }

  #expectLate(upstream: number, filter: ReplyFilter): void {
    this.#late.set(upstream, filter);
    if (this.#late.size <= MAX_LATE) return;
    for (const [oldest, forgotten] of this.#late) {
      this.#late.delete(oldest);
      filtered(forgotten, undefined);
      return;
    }
  }

  /** Takes a request from the books. */
  #ended(request: Request): Line | undefined {
    request.cancel();
    const line = this.#lines.get(request.client);
    if (request.upstream === undefined) {
      if (line?.waiting.includes(request)) {
        line.waiting = line.waiting.filter((one) => one !== request);
        line.waitingChars -= request.text.length;
      }
    } else if (this.#pending.delete(request.upstream) && line !== undefined) line.underWay--;
    return line;
  }

  #fill(client: RelayClient, line: Line): void {
    for (let next = line.waiting[0]; next !== undefined && hasRoom(line, next.text); next = line.waiting[0]) {
      line.waiting.shift();
      line.waitingChars -= next.text.length;
      this.#send(next, line);
    }
    const isIdle = line.underWay === 0 && line.sendingChars === 0 && line.waiting.length === 0;
    // A client that has left and come back has another line.
    if (isIdle && this.#lines.get(client) === line) this.#lines.delete(client);
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
  open(nodeId: string, socket: NodeSocket, abilities: NodeAbilities = { walks: false }): Tunnel {
    const earlier = this.#tunnels.get(nodeId);
    earlier?.fail();
    earlier?.socket.close(1000, "superseded by a newer tunnel of this node");
    const tunnel = new Tunnel(socket, this.#clientsOf(nodeId), this.#clock, abilities);
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

  /** The tunnel of a node, if it has one. */
  find(nodeId: string): Tunnel | undefined {
    return this.#tunnels.get(nodeId);
  }

  /** @throws {FsError} `EIO` when the node has no tunnel. */
  get(nodeId: string): Tunnel {
    const tunnel = this.find(nodeId);
    if (tunnel === undefined) throw tunnelUnavailable();
    return tunnel;
  }

  addClient(nodeId: string, client: RelayClient): void {
    this.#clientsOf(nodeId).add(client);
    this.#tunnels.get(nodeId)?.clientsChanged();
  }

  removeClient(nodeId: string, client: RelayClient): void {
    this.#tunnels.get(nodeId)?.forget(client);
    const clients = this.#clients.get(nodeId);
    clients?.delete(client);
    this.#tunnels.get(nodeId)?.clientsChanged();
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

/** Whether a request may be sent on at once; one that is longer than the share goes alone. */
function hasRoom({ underWay, sendingChars }: Line, { length }: string): boolean {
  if (underWay >= MAX_UNDER_WAY) return false;
  return length < COUNTED_CHARS || sendingChars === 0 || sendingChars + length <= MAX_SENDING_CHARS;
}

/** What a filter makes of a reply. One that fails must not keep the others from theirs. */
function filtered(filter: ReplyFilter, reply: string | undefined): string | undefined {
  try {
    return filter(reply);
  } catch (error) {
    log.error("Cannot look at a reply of a node: {error}", { error });
    return undefined;
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
