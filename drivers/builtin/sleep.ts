import { type DriverIo, readPayload } from "./program.ts";

/** Waits `sleep_ms` of its payload (1,000 without one), then answers. For trying out timeouts and slow services. */
export async function sleep(io: DriverIo): Promise<number> {
  const payload = await readPayload(io, "zss-sleep-driver");
  if (payload === undefined) return 2;
  const wanted = payload["sleep_ms"] ?? 1_000;
  if (typeof wanted !== "number" || !(wanted >= 0 && wanted <= 3_600_000)) {
    io.stderr(`zss-sleep-driver: sleep_ms must be a number from 0 to 3600000\n`);
    return 2;
  }
  await io.sleep(wanted);
  io.stdout(JSON.stringify({ ok: true, driver: "zss-sleep-driver", slept_ms: wanted }) + "\n");
  return 0;
}
