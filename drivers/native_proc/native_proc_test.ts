import assert from "node:assert/strict";
import process from "node:process";
import type { Driver, Invocation, InvokeResult } from "../driver.ts";
import { driverContract } from "../driver_contract.ts";
import { type Clock, systemClock } from "../process/clock.ts";
import { nativeProcConfig } from "./config.ts";
import { createNativeProcDriver, type NativeProcDeps } from "./native_proc.ts";

function driver(runtime: Record<string, unknown>, deps: Partial<NativeProcDeps> = {}): Driver {
  const config = nativeProcConfig.parse({ type: "native_proc", ...runtime });
  return createNativeProcDriver(config, { clock: systemClock, cwd: process.cwd(), env: process.env, ...deps });
}

const sh = (clock: Clock, script: string, marker = "sh", more: Record<string, unknown> = {}) =>
  driver({ executable_path: "sh", args: ["-c", script, marker], ...more }, { clock });

driverContract("native_proc", {
  echo: (clock) => driver({ executable_path: "cat" }, { clock }),
  fails: (clock) => sh(clock, "printf partial; printf 'no camera' >&2; exit 9"),
  warns: (clock) => sh(clock, "printf '{}'; printf 'warming up' >&2"),
  kills: (clock) => sh(clock, "kill -KILL $$"),
  hangs: (clock, marker) => sh(clock, `sh -c 'trap "" TERM; while :; do sleep 1; done' ${marker} & wait`, marker),
  floods: (clock) => driver({ executable_path: "yes", max_output_bytes: 4_096 }, { clock }),
  floodsStderr: (clock) => sh(clock, "exec yes >&2", "sh", { max_output_bytes: 4_096 }),
  ignoresInput: (clock) => sh(clock, "exit 0"),
  leavesChild: (clock, marker) => sh(clock, `sh -c 'sleep 60; :' ${marker} & echo '{}'`),
  missing: (clock) => driver({ executable_path: "no-such-program-anywhere" }, { clock }),
});

/** A script that reads its input before it does anything, as what waits in a pool has to; `$MARKER` is the marker. */
const waiting = (clock: Clock, script: string, marker = "sh", more: Record<string, unknown> = {}) =>
  driver(
    { executable_path: "sh", args: ["-c", `cat >/dev/null; ${script}`], env: { MARKER: marker }, pool: 2, ...more },
    { clock },
  );
// It stops itself: a shell that loops starts others, which look like itself for a moment.
const forever = `sh -c 'trap "" TERM; kill -STOP $$' "$MARKER" & `;

driverContract("native_proc with a pool", {
  echo: (clock) => driver({ executable_path: "cat", pool: 2 }, { clock }),
  fails: (clock) => waiting(clock, "printf partial; printf 'no camera' >&2; exit 9"),
  warns: (clock) => waiting(clock, "printf '{}'; printf 'warming up' >&2"),
  kills: (clock) => waiting(clock, "kill -KILL $$"),
  hangs: (clock, marker) => waiting(clock, `${forever}${forever}wait`, marker),
  floods: (clock) => waiting(clock, "exec yes", "sh", { max_output_bytes: 4_096 }),
  floodsStderr: (clock) => waiting(clock, "exec yes >&2", "sh", { max_output_bytes: 4_096 }),
  ignoresInput: (clock) => driver({ executable_path: "sh", args: ["-c", "exit 0"], pool: 2 }, { clock }),
  leavesChild: (clock, marker) => waiting(clock, `sh -c 'sleep 60; :' "$MARKER" & echo '{}'`, marker),
  missing: (clock) => driver({ executable_path: "no-such-program-anywhere", pool: 2 }, { clock }),
});

async function run(of: Driver): Promise<InvokeResult> {
  const payload = new TextEncoder().encode("{}");
  const result = await of.invoke({ call_id: "c-1", payload, timeout_ms: 30_000, signal: new AbortController().signal });
  await of.close();
  return result;
}

async function output(of: Driver): Promise<string> {
  const result = await run(of);
  assert.equal(result.ok, true, new TextDecoder().decode(result.stderr));
  return new TextDecoder().decode(result.stdout);
}

async function failure(of: Driver): Promise<string> {
  const result = await run(of);
  assert.ok(!result.ok);
  assert.equal(result.reason, "launch");
  return result.message;
}

Deno.test("native_proc gives a program a clean environment and what its manifest names, and nothing else", async () => {
  const env = {
    PATH: process.env["PATH"],
    LC_TIME: "C",
    ZSS_TOKEN: "hidden",
    SPIDERWEB_AUTH_TOKEN: "hidden",
    ZSS_ADMIN_TOKEN: "hidden",
    ZSS_HELPER: "driver",
    AWS_SECRET_ACCESS_KEY: "hidden",
  };
  const printed = await output(driver({ executable_path: "env", env: { CAMERA: "front", LC_TIME: "de" } }, { env }));
  const wanted = ["CAMERA=front", "LC_TIME=de", `PATH=${process.env["PATH"]}`];
  const given = printed.trim().split("\n").sort();
  assert.match(given.pop() ?? "", /^ZSS_RUN_MARK=[0-9a-f-]+$/);
  assert.deepEqual(given, wanted);
});

Deno.test("native_proc hands on no token of the node, even from a configuration that nobody checked", async () => {
  const config = {
    ...nativeProcConfig.parse({ type: "native_proc", executable_path: "env" }),
    env: { ZSS_TOKEN: "x" },
  };
  const deps = { clock: systemClock, cwd: "/", env: { PATH: process.env["PATH"] } };
  assert.doesNotMatch(await output(createNativeProcDriver(config, deps)), /ZSS_TOKEN/);
});

Deno.test("native_proc runs a program in the folder of the node, or in the one that its manifest names", async () => {
  const pwd = { executable_path: "pwd", args: ["-P"] };
  assert.equal((await output(driver(pwd, { cwd: "/usr" }))).trim(), "/usr");
  assert.equal((await output(driver({ ...pwd, cwd: "bin/.." }, { cwd: "/usr" }))).trim(), "/usr");
  assert.equal((await output(driver({ ...pwd, cwd: "/" }, { cwd: "/usr" }))).trim(), "/");
});

Deno.test("native_proc looks a bare name up on the PATH of the manifest before that of the node", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/camera`, "#!/bin/sh\nprintf mine\n", { mode: 0o755 });
    assert.equal(await output(driver({ executable_path: "camera", env: { PATH: `${folder}:/usr/bin` } })), "mine");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("native_proc takes the bare name zss for this program, as a helper", async () => {
  const printed = await output(driver({ executable_path: "zss", args: ["driver", "echo"] }));
  assert.deepEqual(JSON.parse(printed).echo, {});
});

Deno.test("native_proc starts zss with the variables of its helper, whatever the manifest says", async () => {
  const started: string[][] = [];
  const startSelf: NativeProcDeps["startSelf"] = (args) => {
    started.push([...args]);
    return { file: "/usr/bin/env", args: [], env: { ZSS_HELPER: "driver", DENO_DIR: "/cache" }, via: "node" };
  };
  const zss = { executable_path: "zss", args: ["driver", "echo"], env: { DENO_DIR: "/elsewhere" } };
  assert.match(await output(driver(zss, { startSelf })), /^ZSS_HELPER=driver$/m);
  assert.match(await output(driver(zss, { startSelf })), /^DENO_DIR=\/cache$/m);
  assert.deepEqual(started[0], ["driver", "echo"]);
});

Deno.test("native_proc refuses to start any other command of zss", async () => {
  const zss = { executable_path: "zss", args: ["server"] };
  assert.match(await failure(driver(zss)), /runtime\.args must begin with "driver"/);
  assert.equal((await driver(zss).health()).state, "offline");
});

Deno.test("native_proc names the program, what was searched and the way out when it cannot start", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/plain`, "#!/bin/sh\n", { mode: 0o644 });
    await Deno.writeTextFile(`${folder}/orphan`, "#!/no/such/shell\n", { mode: 0o755 });
    const cases = [
      [{ executable_path: "camera", env: { PATH: folder } }, `"camera" is in no folder of PATH (${folder})`],
      [{ executable_path: "./camera" }, `"${folder}/camera" does not exist`],
      [{ executable_path: "./plain" }, `"${folder}/plain" is not executable`],
      [{ executable_path: folder }, `"${folder}" is not a file`],
      [
        { executable_path: "./orphan" },
        `the first line of "${folder}/orphan" names "/no/such/shell", which does not exist`,
      ],
      [{ executable_path: "sh", cwd: "gone" }, `its working folder "${folder}/gone" does not exist`],
    ] as const;
    const messages = await Promise.all(cases.map(([runtime]) => failure(driver(runtime, { cwd: folder }))));
    for (const [index, [runtime, part]] of cases.entries()) {
      const message = messages[index] ?? "";
      assert.ok(message.startsWith(`Cannot start "${runtime.executable_path}": `), message);
      assert.ok(message.includes(part), message);
      assert.match(message, /; (install it or )?correct /);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const request = (): Invocation => ({
  call_id: "c-1",
  payload: new TextEncoder().encode("{}"),
  timeout_ms: 30_000,
  signal: new AbortController().signal,
});

Deno.test({
  name: "native_proc names a daemon that has left the group and closed its outputs, and holds no answer up for it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    for (const pool of [0, 1]) {
      // The shell waits until the daemon has left the group and closed what it got.
      const script = "cat >/dev/null; : $(setsid sh -c 'exec sleep 30 </dev/null >/dev/null 2>&1' &)";
      const daemons = driver({ executable_path: "sh", args: ["-c", script], pool });
      const result = await daemons.invoke(request());
      assert.deepEqual([result.ok, result.strays, result.notice], [true, undefined, undefined]);
      const strays = await result.lateStrays ?? [];
      for (const { pid } of strays) process.kill(pid, "SIGKILL");
      assert.deepEqual(strays.map(({ name }) => name), ["sleep"]);
      const clean = driver({ executable_path: "true" });
      assert.deepEqual(await (await clean.invoke(request())).lateStrays, []);
      await Promise.all([daemons.close(), clean.close()]);
    }
  },
});
