import { type DriverIo, readPayload } from "./program.ts";

/** Fails on purpose: writes `message` of its payload to standard error and exits with `exit_code` (3 without one). */
export async function fail(io: DriverIo): Promise<number> {
  const payload = await readPayload(io, "zss-fail-driver");
  if (payload === undefined) return 2;
  const code = payload["exit_code"] ?? 3;
  const message = payload["message"] ?? "this driver always fails, so that you can see what a failure looks like";
  io.stderr(`zss-fail-driver: ${message}\n`);
  return typeof code === "number" && Number.isInteger(code) && code >= 1 && code <= 125 ? code : 3;
}
