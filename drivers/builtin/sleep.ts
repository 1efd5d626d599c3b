import { answer, type DriverIo, readPayload, UNUSABLE_INPUT } from "./program.ts";

/** Longest wait, in milliseconds: that of the longest `timeout_ms`. */
const MAX_SLEEP_MS = 3_600_000;

/** Waits `sleep_ms` of its payload (1,000 without one), then answers with it. For trying out timeouts and slow services. */
export async function sleep(io: DriverIo): Promise<number> {
  const payload = await readPayload(io, "zss-sleep-driver");
  if (payload === undefined) return UNUSABLE_INPUT;
  const wanted = payload.members["sleep_ms"] ?? 1_000;
  if (typeof wanted !== "number" || !(wanted >= 0 && wanted <= MAX_SLEEP_MS)) {
    io.stderr(
      `zss-sleep-driver: sleep_ms must be a number from 0 to ${MAX_SLEEP_MS}: it is ${JSON.stringify(wanted)}\n`,
    );
    return UNUSABLE_INPUT;
  }
  await io.sleep(wanted);
  io.stdout(answer(io, "zss-sleep-driver", payload));
  return 0;
}
