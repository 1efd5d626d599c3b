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

interface Call {
  readonly call_id: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Until when the node waits, in milliseconds since the Unix epoch. */
  readonly deadline_ms: number;
}

// A line ends with LF and nothing else: node:readline would also cut at CR, U+2028 and U+2029.
let begun = "";
process.stdin.setEncoding("utf8").on("data", (chunk: string) => {
  const lines = (begun + chunk).split("\n");
  begun = lines.pop() ?? "";
  lines.forEach(take);
});

function take(line: string): void {
  const { call_id, payload, deadline_ms }: Call = JSON.parse(line);
  const delay = typeof payload["delay_ms"] === "number" ? payload["delay_ms"] : 0;
  if (Date.now() + delay > deadline_ms) {
    answer({ call_id, ok: false, error: `delay_ms is longer than the node waits: ${delay}` });
    return;
  }
  const echo = () => answer({ call_id, ok: true, result: { ok: true, driver: "echo_persistent.ts", echo: payload } });
  if (delay > 0) setTimeout(echo, delay);
  else echo();
}

function answer(answer: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
