import assert from "node:assert/strict";
import { driverPrograms } from "./mod.ts";

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly slept: readonly number[];
}

async function run(name: string, payload: string | Uint8Array, args: readonly string[] = []): Promise<Outcome> {
  const program = driverPrograms[name];
  assert.ok(program, `no driver is called ${name}`);
  let [stdout, stderr] = ["", ""];
  const slept: number[] = [];
  const code = await program({
    args,
    readStdin: () => Promise.resolve(typeof payload === "string" ? new TextEncoder().encode(payload) : payload),
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    now: () => 1_700_000_000_000,
    sleep: (ms) => Promise.resolve(void slept.push(ms)),
  });
  return { code, stdout, stderr, slept };
}

Deno.test("echo() answers with its payload as it came, down to the digits", async () => {
  const { code, stdout, stderr } = await run("echo", ' {"id":12345678901234567890,"text":"grüße"}\n');
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(
    stdout,
    '{"ok":true,"driver":"zss-echo-driver","ts_ms":1700000000000,"echo":{"id":12345678901234567890,"text":"grüße"}}\n',
  );
});

const unusable: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
  ["nothing", "", /payload must be a JSON object: /],
  ["text that is no JSON", "{no", /payload must be a JSON object: /],
  ["an array", "[]", /payload must be a JSON object: it is an array/],
  ["null", "null", /payload must be a JSON object: it is null/],
  ["bytes that are no text", new Uint8Array([0x7b, 0xff, 0x7d]), /payload must be a JSON object: /],
  ["more than a mebibyte", `{"a":"${"x".repeat(1_048_576)}"}`, /at most 1048576 bytes: it has 1048584/],
];

for (const name of Object.keys(driverPrograms)) {
  for (const [thing, payload, says] of unusable) {
    Deno.test(`${name}() exits 2 and says why when it is given ${thing}`, async () => {
      const { code, stdout, stderr } = await run(name, payload);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, says);
      assert.ok(stderr.startsWith(`zss-${name}-driver: `), stderr);
    });
  }
}

Deno.test("sleep() waits as long as its payload says, then answers with it", async () => {
  const { code, stdout, slept } = await run("sleep", '{"sleep_ms":250}');
  assert.deepEqual([code, slept], [0, [250]]);
  assert.deepEqual(JSON.parse(stdout).echo, { sleep_ms: 250 });
  assert.deepEqual((await run("sleep", "{}")).slept, [1_000]);
});

Deno.test("sleep() refuses a wait that is no number from 0 to an hour", async () => {
  const results = await Promise.all(['"5"', "-1", "3600001", "[]"].map((ms) => run("sleep", `{"sleep_ms":${ms}}`)));
  for (const { code, stderr, slept } of results) {
    assert.deepEqual([code, slept], [2, []]);
    assert.match(stderr, /sleep_ms must be a number from 0 to 3600000: it is /);
  }
});

Deno.test("fail() takes code and message from its payload, then from its flags, then its own", async () => {
  const flags = ["--exit-code", "7", "--message", "from flags"];
  const outcomes = await Promise.all([
    run("fail", "{}"),
    run("fail", "{}", flags),
    run("fail", '{"exit_code":9,"message":"no camera"}', flags),
  ]);
  assert.deepEqual(outcomes.map(({ code }) => code), [3, 7, 9]);
  assert.deepEqual(outcomes.slice(1).map(({ stderr }) => stderr), [
    "zss-fail-driver: from flags\n",
    "zss-fail-driver: no camera\n",
  ]);
  assert.match(outcomes[0]?.stderr ?? "", /always fails/);
});

Deno.test("fail() exits 2 for an exit code that would be no failure, and for an unknown flag", async () => {
  const outcomes = await Promise.all([
    run("fail", '{"exit_code":0}'),
    run("fail", '{"exit_code":256}'),
    run("fail", "{}", ["--exit-code", "many"]),
    run("fail", "{}", ["--loud"]),
  ]);
  assert.deepEqual(outcomes.map(({ code }) => code), [2, 2, 2, 2]);
});
