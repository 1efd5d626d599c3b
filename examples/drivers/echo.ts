/**
 * Echo in TypeScript: one JSON object from standard input to standard output.
 *
 * `"executable_path": "deno", "args": ["run", "examples/drivers/echo.ts"]`
 *
 * @module
 */

import process from "node:process";
import { text } from "node:stream/consumers";

const payload = await text(process.stdin);
// No input is no call: the node has gone.
if (payload === "") process.exit(0);
try {
  const echo: unknown = JSON.parse(payload);
  console.log(JSON.stringify({ ok: true, driver: "echo.ts", echo }));
} catch (error) {
  console.error(`echo.ts wants a JSON object on standard input: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
