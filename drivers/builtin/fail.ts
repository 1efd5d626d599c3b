import { parseArgs } from "node:util";
import { type DriverIo, readPayload, UNUSABLE_INPUT } from "./program.ts";

const DEFAULT_MESSAGE = "this driver always fails, so that you can see what a failure looks like";

/**
 * Fails on purpose: writes a message to standard error and ends with an exit code.
 *
 * Both come from `message` and `exit_code` (1-255) of its payload, else from
 * `--message` and `--exit-code`; the code is 3 without either.
 */
export async function fail(io: DriverIo): Promise<number> {
  const payload = await readPayload(io, "zss-fail-driver");
  if (payload === undefined) return UNUSABLE_INPUT;
  const flags = readFlags(io);
  if (flags === undefined) return UNUSABLE_INPUT;
  const code = payload.members["exit_code"] ?? flags.exitCode ?? 3;
  if (typeof code !== "number" || !Number.isInteger(code) || code < 1 || code > 255) {
    io.stderr(`zss-fail-driver: exit code must be an integer from 1 to 255: it is ${JSON.stringify(code)}\n`);
    return UNUSABLE_INPUT;
  }
  io.stderr(`zss-fail-driver: ${payload.members["message"] ?? flags.message ?? DEFAULT_MESSAGE}\n`);
  return code;
}

function readFlags(io: DriverIo): { readonly exitCode?: number; readonly message?: string } | undefined {
  const options = { "exit-code": { type: "string" }, message: { type: "string" } } as const;
  try {
    const { "exit-code": code, message } = parseArgs({ args: [...io.args], options }).values;
    return {
      ...(code === undefined ? {} : { exitCode: Number(code) }),
      ...(message === undefined ? {} : { message }),
    };
  } catch (error) {
    io.stderr(`zss-fail-driver: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}
