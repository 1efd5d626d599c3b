/**
 * The node's end of its tunnel: it dials out, says who it is, and answers the
 * requests of clients that come back through it.
 *
 * @module
 */

import { openSocket, remoteError, type SocketOptions, type TextSocket, urlWithPath } from "../../control/client/mod.ts";
import {
  errorText,
  FS_PROTO,
  FS_PROTOCOL,
  FsError,
  type FsFrame,
  fsRequestFrame,
  isObject,
  parseFsFrame,
  parseJson,
  ZssError,
} from "../../control/protocol/mod.ts";
import type { Clock } from "../../drivers/process/mod.ts";
import type { Credentials } from "./pair.ts";

/** How long the server may take to answer the hello, in milliseconds. */
const HELLO_TIMEOUT_MS = 45_000;

/** Takes the frames of clients. */
export interface FrameHandler {
  handle(text: string): Promise<void>;
  close(): void;
}

/** A tunnel that is open. */
export interface OpenTunnel {
  /** Generation of the lease that this tunnel started. */
  readonly leaseGeneration: number;
  /** Settles when the tunnel has ended, with the reason. */
  readonly ended: Promise<string>;
  close(): void;
}

/**
 * Opens the tunnel.
 *
 * @param server The server itself: the path of tunnels is put in here.
 * @param serve Makes the handler of the frames, given where answers go.
 * @throws {ZssError} `node_auth_failed` when the server does not know the node, `unreachable`, `tls_failed`, `timeout`.
 */
export async function openTunnel(
  server: SocketOptions,
  credentials: Credentials,
  clock: Clock,
  serve: (send: (frame: string) => void) => FrameHandler,
): Promise<OpenTunnel> {
  const socket = await openSocket({ ...server, url: urlWithPath(server.url, "/v2/node") });
  const ended = new Promise<string>((resolve) => socket.onClose(resolve));
  try {
    const leaseGeneration = await sayHello(socket, ended, credentials, clock);
    const handler = serve((frame) => socket.send(frame));
    socket.onText((text) => void handler.handle(text));
    ended.then(() => handler.close());
    return { leaseGeneration, ended, close: () => socket.close() };
  } catch (error) {
    socket.close();
    throw error;
  }
}

function sayHello(socket: TextSocket, ended: Promise<string>, credentials: Credentials, clock: Clock): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const cancel = clock.after(HELLO_TIMEOUT_MS, () => {
    reject(new ZssError("timeout", `Cannot open the tunnel: no answer within ${HELLO_TIMEOUT_MS / 1000} s`));
  });
  ended.then((reason) =>
    reject(new ZssError("connection_lost", `Cannot open the tunnel: the server closed it (${reason})`))
  );
  socket.onText((text) => {
    try {
      resolve(readHello(text));
    } catch (error) {
      reject(error);
    }
  });
  const { node_id, node_secret } = credentials;
  const hello = { protocol: FS_PROTOCOL, proto: FS_PROTO, node_id, node_secret, news_on_demand: true, walk: true };
  socket.send(fsRequestFrame("fs_hello", 1, {}, hello));
  return promise.finally(cancel);
}

function readHello(text: string): number {
  let frame: FsFrame;
  try {
    frame = parseFsFrame(text);
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    // Before a protocol is agreed on, a refusal has the reference's older shape.
    const refusal: unknown = parseJson(text);
    throw isObject(refusal) && typeof refusal["code"] === "string"
      ? remoteError(refusal)
      : new ZssError("remote_error", `Cannot open the tunnel: the server's answer is no frame: ${error.message}`);
  }
  if (frame.type === "acheron.r_fs_hello" && isObject(frame.payload)) {
    return Number(frame.payload["lease_generation"] ?? 0);
  }
  const error = frame.members["error"];
  const message = isObject(error) ? String(error["message"]) : errorText(frame.type);
  // The reference answers NodeNotFound where zss answers NodeAuthFailed for both.
  const code = /NodeAuthFailed|NodeNotFound/.test(message) ? "node_auth_failed" : "remote_error";
  throw new ZssError(code, `Cannot open the tunnel: the server refused it: ${message}`);
}
