import { answer, type DriverIo, readPayload, UNUSABLE_INPUT } from "./program.ts";

/** Answers with its payload: the reference driver. Exit code 2 when the payload is no JSON object. */
export async function echo(io: DriverIo): Promise<number> {
  const payload = await readPayload(io, "zss-echo-driver");
  if (payload === undefined) return UNUSABLE_INPUT;
  io.stdout(answer(io, "zss-echo-driver", payload));
  return 0;
}
