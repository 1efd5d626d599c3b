import assert from "node:assert/strict";
import { nativeProcConfig } from "./config.ts";

const camera = { type: "native_proc", executable_path: "camera" };

Deno.test("nativeProcConfig fills in the defaults and keeps members that it does not know", () => {
  assert.deepEqual(nativeProcConfig.parse({ ...camera, abi: "namespace-driver-v1", timeout_ms: 0 }), {
    ...camera,
    abi: "namespace-driver-v1",
    mode: "spawn",
    pool: 0,
    args: [],
    env: {},
    timeout_ms: 30_000,
    max_output_bytes: 1_048_576,
  });
});

const refused: readonly (readonly [string, Record<string, unknown>, string])[] = [
  ["an empty path", { executable_path: "" }, "executable_path"],
  ["an empty argument", { args: ["a", ""] }, "args.1"],
  ["a fraction of a millisecond", { timeout_ms: 1.5 }, "timeout_ms"],
  ["no output at all", { max_output_bytes: 0 }, "max_output_bytes"],
  ["a variable that is no text", { env: { A: 1 } }, "env.A"],
  ["a name of a variable with an equals sign", { env: { "A=B": "" } }, "env.A=B"],
  ["a zero byte in a variable", { env: { A: "\0" } }, "env.A"],
  ["the token of the node", { env: { ZSS_TOKEN: "t" } }, "env.ZSS_TOKEN"],
  ["the admin token", { env: { ZSS_ADMIN_TOKEN: "t" } }, "env.ZSS_ADMIN_TOKEN"],
  ["the token of the reference", { env: { SPIDERWEB_AUTH_TOKEN: "t" } }, "env.SPIDERWEB_AUTH_TOKEN"],
  ["the variable of the helpers, in any case", { env: { Zss_Helper: "driver" } }, "env.Zss_Helper"],
];

for (const [thing, members, path] of refused) {
  Deno.test(`nativeProcConfig refuses ${thing}`, () => {
    const result = nativeProcConfig.safeParse({ ...camera, ...members });
    assert.deepEqual(result.error?.issues.map((issue) => issue.path.join(".")), [path]);
  });
}
