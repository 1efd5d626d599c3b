/**
 * Makes JSON of what a program wrote, whatever that is.
 *
 * @module
 */

/** One output in a result. Members are there only where there is something to say. */
export interface OutputText {
  /** What was written, as far as it was kept; bytes that are no UTF-8 are shown as U+FFFD. */
  readonly text: string;
  /** The bytes that were kept, when `text` cannot say them. */
  readonly b64?: string;
  /** How many bytes were written, when more than were kept. */
  readonly total_bytes?: number;
}

/**
 * Reads what was kept of an output.
 *
 * @param total How many bytes were written. When more than were kept, a
 * character that the limit cut in two is left out.
 */
export function outputText(kept: Uint8Array, total: number): OutputText {
  const isCut = total > kept.length;
  const whole = isCut ? withoutHalfCharacter(kept) : kept;
  const mark = isCut ? { total_bytes: total } : {};
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(whole), ...mark };
  } catch {
    return { text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(whole), b64: kept.toBase64(), ...mark };
  }
}

/** The bytes without a character at the end that lacks some of its own. */
function withoutHalfCharacter(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    // A byte within a character: its beginning stands further in front.
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}
