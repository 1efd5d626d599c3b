/**
 * A driver that ships inside zss: a function over streams, run as `zss driver <name>`.
 *
 * @module
 */

/** What such a program may touch. */
export interface DriverIo {
  /** Arguments behind the name of the driver. */
  readonly args: readonly string[];
  readStdin(): Promise<Uint8Array>;
  stdout(text: string): void;
  stderr(text: string): void;
  /** Wall time in milliseconds since the Unix epoch. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** Runs to its end and returns the exit code. */
export type DriverProgram = (io: DriverIo) => Promise<number>;

/** Exit code of a reference driver that cannot use its payload or its arguments. */
export const UNUSABLE_INPUT = 2;

/** What a program was given. */
export interface Payload {
  /** The JSON text as it came, trimmed; it keeps what parsing would lose, such as the digits of large numbers. */
  readonly text: string;
  readonly members: Readonly<Record<string, unknown>>;
}

/** Largest payload that is read, in bytes. */
const MAX_PAYLOAD_BYTES = 1_048_576;

/** Reads the payload, or says on standard error why there is none. */
export async function readPayload(io: DriverIo, name: string): Promise<Payload | undefined> {
  const bytes = await io.readStdin();
  if (bytes.length > MAX_PAYLOAD_BYTES) {
    io.stderr(`${name}: payload must have at most ${MAX_PAYLOAD_BYTES} bytes: it has ${bytes.length}\n`);
    return undefined;
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).trim();
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { text, members: { ...value } };
    io.stderr(`${name}: payload must be a JSON object: it is ${kindOf(value)}\n`);
  } catch (error) {
    io.stderr(`${name}: payload must be a JSON object: ${error instanceof Error ? error.message : String(error)}\n`);
  }
  return undefined;
}

/** The answer of a reference driver: who, when, and the payload as it came. */
export function answer(io: DriverIo, name: string, payload: Payload): string {
  return `{"ok":true,"driver":${JSON.stringify(name)},"ts_ms":${io.now()},"echo":${payload.text}}\n`;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}
