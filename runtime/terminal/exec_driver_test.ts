import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import process from "node:process";
import { isObject } from "../../control/protocol/mod.ts";
import { currentOs, ManualClock } from "../../drivers/process/mod.ts";
import { createExecDriver, invokeTerminalRequestJson } from "./exec_driver.ts";

const ignore = currentOs.name !== "linux";

function parts() {
  const env = { ...process.env, ZSS_TOKEN: "secret-of-the-node", USER: "ada" };
  return { clock: new ManualClock(), cwd: "/", env, os: currentOs };
}

async function invoke(payload: unknown, deps = parts(), more: { timeout_ms?: number; signal?: AbortSignal } = {}) {
  const result = await invokeTerminalRequestJson("1", {
    payload: new TextEncoder().encode(JSON.stringify(payload)),
    timeout_ms: 600_000,
    signal: new AbortController().signal,
    ...more,
  }, deps);
  const text = new TextDecoder().decode(result.stdout);
  const value: unknown = text === "" ? {} : JSON.parse(text);
  return { result, text, value: isObject(value) ? value : {} };
}

const sh = (script: string, more: object = {}) => ({ argv: ["sh", "-c", script], ...more });

Deno.test({ name: "invokeTerminalRequestJson executes argv payload", ignore }, async () => {
  const { result, text } = await invoke({ arguments: { argv: ["echo", "hello"] } });
  assert.equal(result.ok, true);
  // Programs match on the order of the members.
  assert.match(
    text,
    /^\{"service":"terminal","terminal_id":"1","operation":"exec","ok":true,"state":"exited","exit_code":0,"stdout":"hello\\n","stderr":"","duration_ms":\d+\}$/,
  );
});

Deno.test("invokeTerminalRequestJson rejects invalid payload", async () => {
  const { result } = await invoke({});
  assert.ok(!result.ok);
  assert.deepEqual([result.reason, result.exit_code], ["exit", 125]);
  assert.match(new TextDecoder().decode(result.stderr), /^InvalidPayload: argv or command is wanted/);
});

Deno.test(
  { name: "invokeTerminalRequestJson runs a line in the shell, with folder and variables", ignore },
  async () => {
    const cwd = tmpdir();
    const { value } = await invoke({ command: 'pwd; echo "$MARK $USER [$ZSS_TOKEN]"', cwd, env: { MARK: "m" } });
    // A login shell reads a profile, which may have something to say.
    assert.match(String(value["stdout"]), new RegExp(`${cwd}\nm ada \\[\\]\n$`));
  },
);

Deno.test({ name: "invokeTerminalRequestJson reports how a command ended", ignore }, async () => {
  const cases = [
    ["exit 3", { ok: false, state: "exited", exit_code: 3 }],
    ["kill -TERM $$", { ok: false, state: "terminated", exit_code: -1, signal: "SIGTERM" }],
  ] as const;
  for (const [script, wanted] of cases) {
    const { result, value } = await invoke(sh(script));
    assert.equal(result.ok, true);
    assert.deepEqual({ ...value, ...wanted }, value);
  }
});

Deno.test("invokeTerminalRequestJson says why a command cannot be started", async () => {
  const { result, value } = await invoke({ argv: ["no-such-program"] });
  assert.equal(result.ok, true);
  assert.deepEqual([value["state"], value["exit_code"], value["stdout"]], ["launch_failed", -1, ""]);
  assert.match(String(value["stderr"]), /^FileNotFound: "no-such-program" is in no folder of PATH/);
});

Deno.test({ name: "invokeTerminalRequestJson marks what it cuts, and the command goes on", ignore }, async () => {
  const script = "head -c 300000 /dev/zero | tr '\\0' x; echo error >&2; exit 5";
  const { value } = await invoke(sh(script, { max_output_bytes: 1_000 }));
  assert.equal(value["stdout"], "x".repeat(1_000));
  assert.deepEqual(
    [value["stdout_truncated"], value["stdout_bytes"], value["stderr"], value["stderr_truncated"], value["exit_code"]],
    [true, 300_000, "error\n", undefined, 5],
  );
});

Deno.test({ name: "invokeTerminalRequestJson keeps bytes that are no UTF-8", ignore }, async () => {
  const { value } = await invoke(sh("printf 'a\\377b'"));
  assert.deepEqual([value["stdout"], value["stdout_b64"]], ["a\ufffdb", "Yf9i"]);
});

/** Runs until the command has said so, then lets `then` happen. */
async function untilReady(script: string, payload: object, then: (clock: ManualClock) => void) {
  const deps = parts();
  const folder = await Deno.makeTempDir();
  const watcher = Deno.watchFs(folder);
  const answer = invoke(sh(`echo part; touch ${folder}/ready; ${script}`, payload), deps);
  for await (const _ of watcher) break;
  then(deps.clock);
  const got = await answer;
  await Deno.remove(folder, { recursive: true });
  return got;
}

Deno.test(
  { name: "invokeTerminalRequestJson ends a command that runs out of time, and keeps its output", ignore },
  async () => {
    const { result, value } = await untilReady("sleep 60", { timeout_ms: 700 }, (clock) => clock.advance(700));
    assert.ok(!result.ok);
    assert.equal(result.reason, "timeout");
    assert.match(result.message, /timeout_ms: the command ran longer than 700 ms/);
    assert.deepEqual([value["ok"], value["state"], value["stdout"]], [false, "timed_out", "part\n"]);
  },
);

Deno.test({ name: "the driver of a terminal ends its commands when it is closed", ignore }, async () => {
  const closed: string[] = [];
  const driver = createExecDriver("1", parts(), () => Promise.resolve(void closed.push("closed")));
  assert.deepEqual(await driver.health(), { state: "online", detail: null });
  const run = driver.invoke({
    call_id: "c-1",
    payload: new TextEncoder().encode(JSON.stringify(sh("sleep 60"))),
    timeout_ms: 600_000,
    signal: new AbortController().signal,
  });
  await driver.close();
  await driver.close();
  const result = await run;
  assert.ok(!result.ok);
  assert.equal(result.reason, "cancelled");
  assert.deepEqual(closed, ["closed"]);
});
