import { type DriverIo, readPayload } from "./program.ts";

/** Answers with its payload: the reference driver. Exit code 2 when the payload is no JSON object. */
export async function echo(io: DriverIo): Promise<number> {
  const payload = await readPayload(io, "zss-echo-driver");
  if (payload === undefined) return 2;
  io.stdout(JSON.stringify({ ok: true, driver: "zss-echo-driver", ts_ms: io.now(), echo: payload }) + "\n");
  return 0;
}
