/**
 * The client of a control plane: what the command line, the node and other programs use.
 *
 * @module
 */

export { type BackoffBounds, backoffMs } from "./backoff.ts";
export {
  type ConnectOptions,
  ControlConnection,
  type PushedFrame,
  remoteError,
  type SessionTarget,
} from "./connection.ts";
export {
  type InvokeOptions,
  type InvokeOutcome,
  type ServiceName,
  type TreeEntry,
  type TreeWriteOptions,
  WorldTree,
  type WorldTreeOptions,
} from "./world_tree.ts";
export { openSocket, urlWithPath } from "./socket.ts";
export type { SocketOptions, TextSocket } from "./text_socket.ts";
export {
  FsClient,
  type FsClientOptions,
  type FsClientSettings,
  type FsHelloReply,
  type RemoteEntry,
  type RemoteExport,
  type RemoteFile,
  type RemoteNumbers,
  type WriteReply,
} from "./fs_client.ts";
export {
  formatPosition,
  parsePosition,
  watchCatalog,
  type WatchCatalogOptions,
  type WatchConnection,
  type WatchItem,
  type WatchPosition,
} from "./watch.ts";
