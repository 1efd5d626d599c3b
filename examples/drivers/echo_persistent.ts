/**
 * Echo in TypeScript, in mode `persistent`: one process, a line for each call.
 *
 * `"mode": "persistent", "executable_path": "deno", "args": ["run", "examples/drivers/echo_persistent.ts"]`
 *
 * A call may ask for a delay with `delay_ms`: others are answered meanwhile, which is why answers carry the `call_id`.
 *
 * @module
 */

import process from "node:process";
import { createInterface } from "node:readline";

interface Call {
  readonly call_id: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Until when the node waits, in milliseconds since the Unix epoch. */
  readonly deadline_ms: number;
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const { call_id, payload, deadline_ms }: Call = JSON.parse(line);
  const delay = typeof payload["delay_ms"] === "number" ? payload["delay_ms"] : 0;
  if (Date.now() + delay > deadline_ms) {
    answer({ call_id, ok: false, error: `delay_ms is longer than the node waits: ${delay}` });
    return;
  }
  const echo = () => answer({ call_id, ok: true, result: { ok: true, driver: "echo_persistent.ts", echo: payload } });
  if (delay > 0) setTimeout(echo, delay);
  else echo();
});

function answer(answer: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
