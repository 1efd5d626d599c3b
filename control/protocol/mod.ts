/**
 * The words that programs and people exchange.
 *
 * @module
 */

export type { Diagnostic, Fix, Position, Severity, TextEdit } from "./diagnostic.ts";
export {
  CONTROL_PROTOCOL,
  FS_PROTO,
  FS_PROTOCOL,
  isObject,
  kindOf,
  RUNTIME_PROTOCOL,
  type WireError,
} from "./envelope.ts";
export { type ErrorDetails, errorText, ZssError } from "./errors.ts";
export {
  childNameProblem,
  codeOfErrno,
  DEFAULT_INVOKE_PATH,
  Errno,
  type FileAttributes,
  type FileKind,
  FsError,
  isNameOnWindows,
  isTunnelGone,
  MAX_NAME_BYTES,
  MAX_TRANSFER_BYTES,
  OPEN_APPEND,
  SERVICE_TREE,
  serviceOfTree,
  TERMINAL_TREE,
  treeOfService,
  TUNNEL_HINT,
  unsignedInteger,
} from "./fs.ts";
export {
  type FsAsker,
  fsDirectoryInvalidationFrame,
  fsErrorFrame,
  type FsFrame,
  type FsHello,
  fsInvalidationFrame,
  fsReplyFrame,
  fsRequestFrame,
  parseFsAsker,
  parseFsFrame,
  parseFsHello,
} from "./fs_frames.ts";
export { type FsNews, fsReplies, parseFsNews, parseFsReply } from "./fs_replies.ts";
export { decodeBase64, type FsOperation, type FsRequest, type LockKind, parseFsRequest } from "./fs_requests.ts";
export { absolutePath, displayText, identifier, isIdentifier, utf8Length } from "./ids.ts";
export { escapePointer, MAX_JSON_DEPTH, parseJson, type ParseJsonOptions, stringifyJson } from "./json.ts";
