/**
 * Whether a port could be listened on now.
 *
 * @module
 */

import { createServer } from "node:net";
import { portHolder } from "../../drivers/process/port_holder.ts";
import { errorText, ZssError } from "../protocol/errors.ts";

/** A place to listen, and the flag that names its port. */
export interface PortPlace {
  readonly bind: string;
  /** 0 for whichever is free, which is always there. */
  readonly port: number;
  /** For the hint, for example `--port`. */
  readonly flag: string;
}

/**
 * Takes a port for a moment and gives it back; no connection is accepted.
 *
 * @throws {ZssError} `port_in_use`, with who has it where that can be known, or `listen_failed`.
 */
export async function checkPort({ bind, port, flag }: PortPlace): Promise<void> {
  try {
    await take(bind, port);
  } catch (cause) {
    const isTaken = cause instanceof Error && Reflect.get(cause, "code") === "EADDRINUSE";
    if (!isTaken) {
      throw new ZssError("listen_failed", `Cannot listen on ${bind}:${port}: ${errorText(cause)}`, {
        hint: `choose another with ${flag}`,
        cause,
      });
    }
    const holder = await portHolder(port);
    const who = holder === undefined ? "the port is taken" : `process ${holder.pid} (${holder.name}) has the port`;
    throw new ZssError("port_in_use", `Cannot listen on ${bind}:${port}: ${who}`, {
      hint: `stop ${holder === undefined ? "the program that has it" : "that one"}, or choose another with ${flag} ` +
        "(0 takes a free one)",
      cause,
    });
  }
}

function take(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}
