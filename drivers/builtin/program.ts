/**
 * A driver that ships inside zss: a function over streams, run as `zss driver <name>`.
 *
 * @module
 */

/** What such a program may touch. */
export interface DriverIo {
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

/** Largest payload that is read, in bytes. */
const MAX_PAYLOAD_BYTES = 1_048_576;

/** Reads the payload, or says on standard error why there is none. */
export async function readPayload(io: DriverIo, name: string): Promise<Record<string, unknown> | undefined> {
  const bytes = await io.readStdin();
  if (bytes.length > MAX_PAYLOAD_BYTES) {
    io.stderr(`${name}: payload of ${bytes.length} bytes found, at most ${MAX_PAYLOAD_BYTES} are wanted\n`);
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // said below
  }
  io.stderr(`${name}: payload must be a JSON object\n`);
  return undefined;
}
