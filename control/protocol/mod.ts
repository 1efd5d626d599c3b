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
export { Errno, type FileAttributes, type FileKind, FsError } from "./fs.ts";
export {
  fsErrorFrame,
  type FsFrame,
  type FsHello,
  fsReplyFrame,
  fsRequestFrame,
  parseFsFrame,
  parseFsHello,
} from "./fs_frames.ts";
export { absolutePath, displayText, identifier, isIdentifier, utf8Length } from "./ids.ts";
export { escapePointer, parseJson, type ParseJsonOptions, stringifyJson } from "./json.ts";
