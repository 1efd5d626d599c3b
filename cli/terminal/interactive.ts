/**
 * Puts the terminal of a person in front of a session on a node.
 *
 * @module
 */

import { errorText } from "../../control/protocol/mod.ts";
import { EscapeKeys } from "./escape_keys.ts";
import { calmScreen, type LocalTerminal } from "./local_terminal.ts";
import type { RemoteEnd, RemoteSession } from "./remote_session.ts";

/** How it ended: by the program, or because the person left. */
export type InteractiveEnd = RemoteEnd | "left";

const HELP = "\r\n~.  end the session    ~~  type a tilde    ~?  this    (behind a line end)\r\n";

/**
 * Lets a person work in a session until it ends, they leave it, or `signal` fires.
 *
 * The terminal is as before when this settles, whatever happened.
 *
 * @throws What the connection or the node ended with.
 */
export async function workIn(
  session: RemoteSession,
  local: LocalTerminal,
  signal: AbortSignal,
): Promise<InteractiveEnd> {
  const encoder = new TextEncoder();
  const { promise: left, resolve: leave, reject: fail } = Promise.withResolvers<"left">();
  const onAbort = () => leave("left");
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  const restore = local.raw();
  const ignoreResize = local.onResize(() => void session.resize(local.size()).catch(() => {}));
  let end: InteractiveEnd | undefined;
  try {
    void typeKeys(session, local, leave).catch(fail);
    end = await Promise.race([
      left,
      session.follow(
        (bytes) => local.write(bytes),
        (bytes) => void local.write(encoder.encode(`\r\n[zss: ${bytes} bytes of output were dropped]\r\n`)),
      ),
    ]);
    return end;
  } finally {
    ignoreResize();
    signal.removeEventListener("abort", onAbort);
    // A program that could not say goodbye may have left the screen to itself.
    if (end === undefined || end === "left") await local.write(calmScreen).catch(() => {});
    restore();
    if (end === "left") await session.close().catch(() => {});
  }
}

async function typeKeys(session: RemoteSession, local: LocalTerminal, leave: (end: "left") => void): Promise<void> {
  const escapes = new EscapeKeys();
  for (;;) {
    const keys = await local.read();
    if (keys === undefined) return leave("left");
    const { send, leave: wantsToLeave, help } = escapes.feed(keys);
    if (help) await local.write(new TextEncoder().encode(HELP));
    if (send.length > 0) {
      try {
        await session.type(send);
      } catch (error) {
        // The program has ended, which whoever follows its output is about to hear; anything else ends that too.
        if (!/session has ended/.test(errorText(error))) throw error;
      }
    }
    if (wantsToLeave) return leave("left");
  }
}
