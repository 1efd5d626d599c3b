/**
 * A WebSocket text frame as a server writes it: final, not masked, not
 * compressed. Built once per event and shared by every watcher.
 *
 * Source: RFC 6455, section 5.2.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** The bytes of one text frame with `text` as its payload. */
export function textFrame(text: string): Uint8Array {
  const length = Buffer.byteLength(text);
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + length);
  frame[0] = 0x81;
  if (head === 2) frame[1] = length;
  else if (head === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, head);
  return frame;
}
