import assert from "node:assert/strict";
import process from "node:process";
import { driverContract } from "../driver_contract.ts";
import { systemClock } from "../process/clock.ts";
import { nativeProcConfig } from "./config.ts";
import { createNativeProcDriver } from "./native_proc.ts";
import type { Driver } from "../driver.ts";

function driver(runtime: Record<string, unknown>, env: Record<string, string | undefined> = process.env): Driver {
  const config = nativeProcConfig.parse({ type: "native_proc", ...runtime });
  return createNativeProcDriver(config, { clock: systemClock, cwd: process.cwd(), env });
}

const sh = (script: string, marker = "sh", more: Record<string, unknown> = {}) =>
  driver({ executable_path: "sh", args: ["-c", script, marker], ...more });

driverContract("native_proc", {
  echo: () => driver({ executable_path: "cat" }),
  fails: () => sh("printf partial; printf 'no camera' >&2; exit 9"),
  hangs: (marker) => sh(`sh -c 'trap "" TERM; while :; do sleep 1; done' ${marker} & wait`, marker),
  floods: () => driver({ executable_path: "yes", max_output_bytes: 4_096 }),
  ignoresInput: () => sh("exit 0"),
  leavesChild: (marker) => sh(`sh -c 'sleep 60; :' ${marker} & echo '{}'`, marker),
  missing: () => driver({ executable_path: "no-such-program-anywhere" }),
});

async function output(of: Driver): Promise<string> {
  const payload = new TextEncoder().encode("{}");
  const result = await of.invoke({ call_id: "c-1", payload, timeout_ms: 30_000, signal: new AbortController().signal });
  await of.close();
  assert.equal(result.ok, true, new TextDecoder().decode(result.stderr));
  return new TextDecoder().decode(result.stdout);
}

Deno.test("native_proc gives a program a clean environment and what its manifest names", async () => {
  const env = {
    PATH: process.env["PATH"],
    ZSS_TOKEN: "hidden",
    SPIDERWEB_AUTH_TOKEN: "hidden",
    ZSS_ADMIN_TOKEN: "hidden",
  };
  const printed = await output(driver({ executable_path: "env", env: { CAMERA: "front" } }, env));
  assert.match(printed, /^CAMERA=front$/m);
  assert.match(printed, /^PATH=/m);
  assert.doesNotMatch(printed, /hidden/);
});

Deno.test("native_proc runs a program in the folder that its manifest names", async () => {
  assert.equal((await output(sh("pwd", "sh", { cwd: "/" }))).trim(), "/");
});

Deno.test("native_proc takes the bare name zss for this program, as a helper", async () => {
  const printed = await output(driver({ executable_path: "zss", args: ["driver", "echo"] }));
  assert.deepEqual(JSON.parse(printed).echo, {});
});

Deno.test("native_proc says which file is not executable", async () => {
  const file = await Deno.makeTempFile();
  try {
    const health = await driver({ executable_path: file }).health();
    assert.match(health.detail ?? "", /is not executable/);
  } finally {
    await Deno.remove(file);
  }
});
