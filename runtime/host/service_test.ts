import assert from "node:assert/strict";
import { Errno, FsError } from "../../control/protocol/fs.ts";
import type { InvokeResult } from "../../drivers/driver.ts";
import { DEFAULT_DECLARED } from "../supervision/policy.ts";
import { serviceSnapshot } from "../supervision/snapshot.ts";
import { Service, type ServiceLimits, type ServiceTransition } from "./service.ts";
import {
  bytes,
  definition,
  descriptor,
  failure,
  hostParts,
  NOBODY,
  ScriptedDriver,
  settled,
  START_MS,
  success,
  TreeClient,
} from "./service_fixture_test.ts";

const INVOKE = "control/invoke.json";

function echoService(limits: Partial<ServiceLimits> = {}, driver = new ScriptedDriver()) {
  const parts = hostParts(limits);
  const declared = definition("echo", driver);
  const service = new Service(declared, () => driver, parts, NOBODY);
  return { service, driver, parts, clock: parts.clock, files: new TreeClient(service.tree) };
}

/** Invokes once and lets the run end with `result`. */
async function run({ driver, files }: { driver: ScriptedDriver; files: TreeClient }, result: InvokeResult) {
  const answer = files.write(INVOKE, "{}");
  await settled();
  driver.settle(result);
  return await answer;
}

function refuses(errno: number, prefix: string): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof FsError && thrown.errno === errno && thrown.message.startsWith(prefix);
}

Deno.test("Service shows the documents of a service that was never used", async () => {
  const { files } = echoService();
  assert.equal(await files.read("result.json"), '{"state":"idle"}');
  assert.equal(await files.read("status.json"), '{"state":"idle"}');
  assert.equal(await files.read("last_error.txt"), "");
  assert.equal(await files.read("config.json"), "{}");
  assert.equal(await files.read("SCHEMA.json"), '{"model":"namespace-mount"}');
  assert.equal(await files.read("template.json"), "{}");
  assert.equal(
    await files.read("metrics.json"),
    '{"invokes_total":0,"failures_total":0,"consecutive_failures":0,"timeouts_total":0,"consecutive_timeouts":0}',
  );
  assert.equal(
    await files.read("health.json"),
    '{"state":"online","enabled":true,"service_id":"echo","runtime":"native_proc","timeout_ms":30000,' +
      '"last_control_op":"init","last_control_ms":0,"restarts_total":0,"invokes_total":0,"failures_total":0,' +
      '"consecutive_failures":0,"timeouts_total":0,"consecutive_timeouts":0,"cooldown_until_ms":0,' +
      '"cooldown_remaining_ms":0,"supervision":{"max_consecutive_failures":0,"max_consecutive_timeouts":0,' +
      '"cooldown_ms":0,"auto_disable_on_threshold":true},"last_duration_ms":0,"last_started_ms":0,' +
      '"last_finished_ms":0,"last_exit_code":0}',
  );
  assert.equal(
    await files.read("HOST.json"),
    '{"schema":1,"contract":"acheron.namespace-driver","abi":"namespace-driver-v1","host_kind":"native_process",' +
      '"runtime_kind":"native_proc","features":{"supervision":true,"hot_reload":true,"dynamic_mounts":true}}',
  );
});

Deno.test("Service answers a write with the call that it became, after the run, and shows the result verbatim", async () => {
  const { files, driver, clock } = echoService();
  const answer = files.write(INVOKE, ' {"a":1}\n');
  await settled();
  assert.deepEqual(driver.payloads, ['{"a":1}']);
  assert.equal(
    await files.read("status.json"),
    `{"state":"running","service_id":"echo","runtime":"native_proc","started_ms":${START_MS},"invokes_total":1,` +
      '"failures_total":0,"consecutive_failures":0,"timeouts_total":0,"consecutive_timeouts":0,"timeout_ms":30000,' +
      '"call_id":"c-1"}',
  );
  clock.advance(12);
  driver.settle(success("not json"));
  assert.deepEqual(await answer, { n: 9, call_id: "c-1" });
  assert.equal(await files.read("result.json"), "not json");
  assert.equal(
    await files.read("status.json"),
    `{"state":"ok","service_id":"echo","runtime":"native_proc","updated_ms":${START_MS + 12},"duration_ms":12,` +
      '"bytes":8,"exit_code":0,"invokes_total":1,"failures_total":0,"consecutive_failures":0,"timeouts_total":0,' +
      '"consecutive_timeouts":0,"call_id":"c-1"}',
  );
  assert.equal(
    await files.read("metrics.json"),
    '{"invokes_total":1,"failures_total":0,"consecutive_failures":0,"timeouts_total":0,"consecutive_timeouts":0,' +
      `"last_duration_ms":12,"last_started_ms":${START_MS},"last_finished_ms":${START_MS + 12},"last_exit_code":0}`,
  );
});

Deno.test("Service shows {} for a run that printed nothing", async () => {
  const fixture = echoService();
  await run(fixture, success(""));
  assert.equal(await fixture.files.read("result.json"), "{}");
});

Deno.test("Service tells of changes in the order of the reference", async () => {
  const fixture = echoService();
  const { files } = fixture;
  await run(fixture, success("{}"));
  const isOfCall = (path: string) => path.startsWith("calls");
  assert.deepEqual((await files.changedPaths()).filter((path) => !isOfCall(path)), [
    "control/invoke.json",
    "status.json",
    "result.json",
    "last_error.txt",
    "status.json",
    "metrics.json",
    "health.json",
  ]);
  await run(fixture, failure("exit", "no", 3));
  assert.deepEqual((await files.changedPaths()).filter((path) => !isOfCall(path)), [
    "control/invoke.json",
    "status.json",
    "last_error.txt",
    "status.json",
    "metrics.json",
    "health.json",
  ]);
});

Deno.test("Service keeps request, result and status of each call apart", async () => {
  const { files, driver } = echoService();
  const first = files.write(INVOKE, '{"n":1}');
  const second = files.write(INVOKE, '{"n":2}');
  await settled();
  driver.settle(success("two"), "c-2");
  assert.deepEqual(await second, { n: 7, call_id: "c-2" });
  driver.settle(failure("exit", "broken", 9, "half"), "c-1");
  assert.deepEqual(await first, { n: 7, call_id: "c-1", state: "error" });
  assert.deepEqual(await files.names("calls"), ["c-1", "c-2"]);
  assert.deepEqual(await files.names("calls/c-1"), ["request.json", "result.json", "status.json"]);
  assert.equal(await files.read("calls/c-1/request.json"), '{"n":1}');
  assert.equal(await files.read("calls/c-1/result.json"), "half");
  const status = await files.readJson("calls/c-1/status.json");
  assert.deepEqual([status["state"], status["exit_code"], status["stderr"]], ["error", 9, "broken"]);
  assert.equal(await files.read("calls/c-2/result.json"), "two");
  assert.equal(await files.read("result.json"), "two");
});

Deno.test("Service keeps the last 32 calls", async () => {
  const { files, driver } = echoService();
  driver.answer = success("{}");
  for (let n = 0; n < 40; n++) await files.write(INVOKE, "{}");
  const names = await files.names("calls");
  assert.equal(names.length, 32);
  assert.ok(names.includes("c-40") && !names.includes("c-8"));
});

Deno.test("Service shows a failing run in last_error.txt and keeps the last result", async () => {
  const fixture = echoService();
  await run(fixture, success("good"));
  assert.deepEqual(await run(fixture, failure("exit", "", 3)), { n: 2, call_id: "c-2", state: "error" });
  const { files } = fixture;
  assert.equal(await files.read("result.json"), "good");
  assert.equal(await files.read("last_error.txt"), "service process failed: the scripted run ended with exit");
  assert.equal(
    await files.read("status.json"),
    `{"state":"error","reason":"invoke_error","service_id":"echo","runtime":"native_proc","updated_ms":${START_MS},` +
      '"duration_ms":7,"exit_code":3,"invokes_total":2,"failures_total":1,"consecutive_failures":1,' +
      '"timeouts_total":0,"consecutive_timeouts":0,"retry_after_ms":0,"call_id":"c-2"}',
  );
  const health = await files.readJson("health.json");
  assert.deepEqual([health["state"], health["detail"]], [
    "degraded",
    "the last run failed, until a good one or control/reset: the scripted run ended with exit",
  ]);
  await run(fixture, success("good again"));
  assert.equal("detail" in await files.readJson("health.json"), false);
});

Deno.test("Service shows a launch failure as an error that counts", async () => {
  const fixture = echoService();
  assert.deepEqual(await run(fixture, failure("launch")), { n: 2, call_id: "c-1", state: "error" });
  const status = await fixture.files.readJson("status.json");
  assert.deepEqual([status["state"], status["failures_total"], status["exit_code"]], ["error", 1, -1]);
  assert.equal(await fixture.files.read("last_error.txt"), "the scripted run ended with launch");
});

const SUBJECT = '"service_id":"echo","runtime":"native_proc"';

/** The ending of status.json after one failed run. */
const ONE_FAILURE = (timeouts: 0 | 1) =>
  `${SUBJECT},"updated_ms":${START_MS},"duration_ms":7,"exit_code":-1,"invokes_total":1,"failures_total":1,` +
  `"consecutive_failures":1,"timeouts_total":${timeouts},"consecutive_timeouts":${timeouts},`;

Deno.test("Service says how a run ended in status.json, its keys in the order of the reference", async () => {
  const cases: readonly [object, InvokeResult, string][] = [
    [
      { cooldown_ms: 500 },
      failure("timeout"),
      `{"state":"timeout","reason":"timeout",${ONE_FAILURE(1)}"retry_after_ms":500,"call_id":"c-1"}`,
    ],
    [
      { max_consecutive_failures: 1 },
      failure("launch"),
      `{"state":"offline","reason":"max_consecutive_failures",${ONE_FAILURE(0)}"retry_after_ms":0,"call_id":"c-1"}`,
    ],
    [
      { max_consecutive_timeouts: 1 },
      failure("timeout"),
      `{"state":"offline","reason":"max_consecutive_timeouts",${ONE_FAILURE(1)}"retry_after_ms":0,"call_id":"c-1"}`,
    ],
    [
      {},
      failure("output_limit"),
      `{"state":"error","reason":"invoke_error",${ONE_FAILURE(0)}"retry_after_ms":0,"call_id":"c-1"}`,
    ],
  ];
  for (const [supervision, result, expected] of cases) {
    const fixture = echoService();
    await fixture.files.write("config.json", JSON.stringify({ supervision }));
    await run(fixture, result);
    assert.equal(await fixture.files.read("status.json"), expected);
    const call = await fixture.files.read("calls/c-1/status.json");
    assert.equal(call, expected);
  }
});

Deno.test("Service shows what a failing run wrote to standard error, byte for byte, and clears it after a success", async () => {
  const fixture = echoService();
  await run(fixture, failure("exit", "no camera\n\u{1F4F7}", 9));
  assert.equal(await fixture.files.read("last_error.txt"), "no camera\n\u{1F4F7}");
  await run(fixture, success("{}", "only a warning"));
  assert.equal(await fixture.files.read("last_error.txt"), "");
  assert.equal((await fixture.files.readJson("calls/c-2/status.json"))["stderr"], "only a warning");
});

Deno.test("Service tells of changes by control files in the order of the reference", async () => {
  const fixture = echoService();
  const { files } = fixture;
  await run(fixture, failure("exit", "bad", 3));
  await files.changedPaths();
  const expected: readonly [string, readonly string[]][] = [
    ["reset", ["result.json", "last_error.txt", "status.json", "metrics.json", "health.json"]],
    ["disable", ["status.json", "health.json"]],
    ["restart", ["result.json", "last_error.txt", "status.json", "health.json"]],
    ["enable", ["last_error.txt", "status.json", "health.json"]],
  ];
  for (const [op, changed] of expected) {
    await files.write(`control/${op}`, "{}");
    assert.deepEqual(await files.changedPaths(), [`control/${op}`, ...changed], op);
  }
  await files.write("config.json", "{}");
  assert.deepEqual(await files.changedPaths(), ["config.json", "health.json"]);
});

Deno.test("Service tells of each time that it becomes well or unwell, or is switched on or off, once", async () => {
  const told: string[] = [];
  const driver = new ScriptedDriver();
  const parts = {
    ...hostParts(),
    onTransition: ({ state, wanted, reason }: ServiceTransition) => told.push(`${state} ${wanted} ${reason}`),
  };
  const service = new Service(definition("echo", driver), () => driver, parts, NOBODY);
  const fixture = { driver, files: new TreeClient(service.tree) };
  await run(fixture, success("{}"));
  await run(fixture, failure("exit"));
  await run(fixture, failure("exit"));
  await run(fixture, success("{}"));
  await fixture.files.write("control/disable", "");
  await fixture.files.write("control/disable", "");
  await fixture.files.write("control/enable", "");
  await fixture.files.write("config.json", '{"supervision":{"max_consecutive_failures":1}}');
  await run(fixture, failure("exit"));
  const why = "the scripted run ended with exit";
  assert.deepEqual(told, [
    `degraded false the last run failed, until a good one or control/reset: ${why}`,
    "online false null",
    "offline true switched off, until control/enable",
    "online false null",
    `offline false switched off after too many failures, until control/enable: ${why}`,
  ]);
});

Deno.test("Service outlives a driver that throws", async () => {
  const driver = new ScriptedDriver();
  driver.invoke = () => {
    throw new Error("boom");
  };
  const { files } = echoService({}, driver);
  await files.write(INVOKE, "{}");
  assert.equal((await files.readJson("status.json"))["state"], "error");
  assert.equal(await files.read("last_error.txt"), "the driver broke: boom");
});

Deno.test("namespace service reset control restores idle status files", async () => {
  const fixture = echoService();
  await run(fixture, success("good"));
  await run(fixture, failure("exit", "bad", 3));
  const { files } = fixture;
  await files.write("control/reset", "{}");
  assert.equal(await files.read("status.json"), '{"state":"idle"}');
  assert.equal(await files.read("result.json"), '{"state":"idle"}');
  assert.equal(await files.read("last_error.txt"), "");
  const metrics = await files.readJson("metrics.json");
  assert.deepEqual([metrics["failures_total"], metrics["consecutive_failures"]], [1, 0]);
  assert.equal(Object.keys(metrics).length, 9);
});

Deno.test("namespace service hard timeout kills process runtime", async () => {
  const fixture = echoService();
  assert.deepEqual(await run(fixture, failure("timeout")), { n: 2, call_id: "c-1", state: "error" });
  const { files } = fixture;
  const status = await files.readJson("status.json");
  assert.deepEqual([status["state"], status["reason"], status["exit_code"]], ["timeout", "timeout", -1]);
  assert.match(await files.read("last_error.txt"), /timeout_ms/);
  assert.match(await files.read("metrics.json"), /"timeouts_total":1/);
});

Deno.test("namespace service runtime control files manage service state", async () => {
  const fixture = echoService();
  const { files } = fixture;
  await files.write("control/disable", "");
  await assert.rejects(files.write(INVOKE, "{}"), refuses(Errno.EPERM, "service invoke denied"));
  assert.equal(await files.read("status.json"), '{"state":"offline","reason":"disabled"}');
  assert.equal(await files.read("last_error.txt"), "service runtime disabled");
  assert.equal((await files.readJson("health.json"))["enabled"], false);
  await files.write("control/enable", "now");
  assert.equal(await files.read("status.json"), '{"state":"idle"}');
  await run(fixture, success('{"kept":1}'));
  await files.write("control/enable", "");
  assert.equal(await files.read("result.json"), '{"kept":1}');
  await files.write("config.json", '{"mode":"safe"}');
  assert.equal(await files.read("config.json"), '{"mode":"safe"}');
  assert.equal((await files.readJson("health.json"))["last_control_op"], "config_update");
  await files.write("control/restart", "{}");
  const health = await files.readJson("health.json");
  assert.deepEqual([health["restarts_total"], health["last_control_op"]], [1, "restart"]);
});

Deno.test("namespace supervision cooldown gates repeated invoke", async () => {
  const fixture = echoService();
  const { files, clock } = fixture;
  await files.write("config.json", '{"supervision":{"cooldown_ms":60000,"auto_disable_on_threshold":false}}');
  await run(fixture, failure("exit", "", 9));
  clock.jumpWall(3_600_000);
  await assert.rejects(files.write(INVOKE, "{}"), refuses(Errno.EAGAIN, "service invoke cooling down"));
  assert.equal(
    await files.read("status.json"),
    '{"state":"backoff","reason":"cooldown","service_id":"echo","runtime":"native_proc","retry_after_ms":60000}',
  );
  assert.equal(await files.read("last_error.txt"), "service runtime cooling down");
  assert.equal((await files.readJson("health.json"))["enabled"], true);
  clock.advance(60_000);
  assert.equal((await files.readJson("health.json"))["cooldown_until_ms"], 0);
  await run(fixture, success("{}"));
  assert.equal((await files.readJson("health.json"))["state"], "online");
});

Deno.test("namespace supervision auto-disables after failure threshold", async () => {
  const fixture = echoService();
  const { files } = fixture;
  await files.write("config.json", '{"supervision":{"max_consecutive_failures":1}}');
  await run(fixture, failure("exit", "", 7));
  const status = await files.readJson("status.json");
  assert.deepEqual([status["state"], status["reason"]], ["offline", "max_consecutive_failures"]);
  const health = await files.readJson("health.json");
  assert.deepEqual([health["state"], health["last_control_op"]], ["offline", "auto_disable"]);
  await assert.rejects(files.write(INVOKE, "{}"), refuses(Errno.EPERM, "service invoke denied"));
});

Deno.test("namespace runtime state snapshot roundtrip restores controls and files", async () => {
  const before = echoService();
  await before.files.write("config.json", '{"mode":"safe","supervision":{"cooldown_ms":60000}}');
  await run(before, success("kept"));
  await run(before, failure("exit", "broken lens", 7));
  const snapshot = before.service.snapshot();

  const after = echoService();
  after.clock.jumpWall(20_000);
  after.service.restore(JSON.parse(JSON.stringify(snapshot)));
  assert.equal(await after.files.read("result.json"), "kept");
  assert.equal(await after.files.read("last_error.txt"), "broken lens");
  assert.equal((await after.files.readJson("status.json"))["state"], "error");
  assert.equal(await after.files.read("config.json"), '{"mode":"safe","supervision":{"cooldown_ms":60000}}');
  assert.equal(await after.files.read("metrics.json"), await before.files.read("metrics.json"));
  assert.equal((await after.files.readJson("health.json"))["cooldown_remaining_ms"], 40_000);
  await assert.rejects(after.files.write(INVOKE, "{}"), refuses(Errno.EAGAIN, "service invoke cooling down"));
});

Deno.test("Service restores everything of a state file whose rules say more than they may, and those at their most", async () => {
  const before = echoService();
  await before.files.write("config.json", '{"big":12345678901234567890,"supervision":{"max_consecutive_timeouts":2}}');
  await run(before, failure("exit", "broken lens", 7));
  const kept = before.service.snapshot();
  const config_json = '{"big":12345678901234567890,"supervision":{"cooldown_ms":9007199254740991}}';
  const supervision = { cooldown_ms: Number.MAX_SAFE_INTEGER, max_consecutive_failures: 1e300 };
  const entry = {
    ...kept,
    runtime: { ...kept.runtime, config_json, supervision, cooldown_until_ms: 9_007_200_954_740_991 },
  };
  const after = echoService();
  after.service.restore(serviceSnapshot.parse(JSON.parse(JSON.stringify(entry))));
  const { supervision: rules, cooldown_remaining_ms } = await after.files.readJson("health.json");
  assert.deepEqual(rules, {
    max_consecutive_failures: 4_294_967_295,
    max_consecutive_timeouts: 0,
    cooldown_ms: 86_400_000,
    auto_disable_on_threshold: true,
  });
  assert.equal(cooldown_remaining_ms, 86_400_000);
  assert.equal(
    await after.files.read("config.json"),
    '{"big":12345678901234567890,"supervision":{"cooldown_ms":86400000}}',
  );
  assert.equal(await after.files.read("metrics.json"), await before.files.read("metrics.json"));
  assert.equal(after.service.numbers.failures_total, 1);
});

Deno.test("Service shows a run that the end of the node cut off as interrupted", async () => {
  const before = echoService();
  before.files.write(INVOKE, "{}");
  await settled();
  const after = echoService();
  after.service.restore(before.service.snapshot());
  const status = await after.files.readJson("status.json");
  assert.deepEqual([status["state"], status["reason"], status["call_id"]], ["error", "interrupted", "c-1"]);
});

Deno.test("Service refuses a payload that is no JSON object and says why", async () => {
  const { files, driver } = echoService();
  const cases = ["[1]", "7", '{"a":1,"a":2}', '{"a":}', "{}{}"];
  for (const text of cases) {
    await assert.rejects(files.write(INVOKE, text), refuses(Errno.EINVAL, "service invoke payload invalid: "), text);
  }
  assert.equal(await files.read(INVOKE), "{}{}");
  assert.equal(await files.read("status.json"), '{"state":"idle"}');
  assert.deepEqual(driver.payloads, []);
});

Deno.test("Service takes bytes that are no UTF-8 for no payload", async () => {
  const { files } = echoService();
  for (const content of [[0x7b, 0xff, 0x7d], [0x7b, 0x22, 0x61, 0xff, 0x22, 0x3a, 0x31, 0x7d], [0xff]]) {
    const file = await files.tree.open(await files.id(INVOKE), "write");
    await assert.rejects(
      file.write(0, new Uint8Array(content)),
      refuses(Errno.EINVAL, "service invoke payload invalid"),
    );
  }
});

Deno.test("Service runs nothing for a payload of white space", async () => {
  const { files, driver } = echoService();
  assert.deepEqual(await files.write(INVOKE, " \n"), { n: 2 });
  assert.deepEqual(driver.payloads, []);
});

Deno.test("Service puts a payload of several writes together", async () => {
  const { files, driver } = echoService();
  driver.answer = success("{}");
  const file = await files.tree.open(await files.id(INVOKE), "write");
  assert.deepEqual(await file.write(0, bytes('{"text":')), { n: 8 });
  assert.deepEqual([await files.read("status.json"), await files.read(INVOKE)], ['{"state":"idle"}', ""]);
  assert.deepEqual(await file.write(8, bytes('"hel')), { n: 4 });
  assert.deepEqual(await file.write(12, bytes('lo"}')), { n: 4, call_id: "c-1" });
  assert.deepEqual(driver.payloads, ['{"text":"hello"}']);
});

Deno.test("Service runs once for a payload that is cut anywhere, characters included", async () => {
  const text = ' {"é":"\u{1F4F7}€\\n", "list":[1.5e3,true,{}]}\n';
  const payload = bytes(text);
  for (let first = 0; first <= payload.length; first++) {
    for (const second of [first, first + 1, first + 7]) {
      const { files, driver } = echoService();
      driver.answer = success("{}");
      const file = await files.tree.open(await files.id(INVOKE), "write");
      const cuts = [0, first, Math.min(second, payload.length), payload.length];
      for (const [n, from] of cuts.slice(0, 3).entries()) {
        const piece = payload.subarray(from, cuts[n + 1]);
        // An empty write asks for another run.
        if (piece.length > 0) await file.write(from, piece);
      }
      await file.close();
      assert.deepEqual(driver.payloads, [text.trim()], `cut at ${cuts}`);
    }
  }
});

Deno.test("Service refuses the piece after which nothing could make an object of a payload", async () => {
  const { files, driver } = echoService();
  const file = await files.tree.open(await files.id(INVOKE), "write");
  await file.write(0, bytes('{"a":'));
  await assert.rejects(
    file.write(5, bytes("],")),
    refuses(Errno.EINVAL, 'service invoke payload invalid: a value is wanted at byte 5, not "]"'),
  );
  await assert.rejects(file.write(7, bytes("1}")), refuses(Errno.EINVAL, "service invoke payload invalid"));
  await file.close();
  assert.equal(await files.read(INVOKE), '{"a":],1}');
  assert.equal(await files.read("last_error.txt"), "");
  assert.deepEqual(driver.payloads, []);
});

Deno.test("Service says where a client that goes in the middle of a payload has gone, and runs nothing", async () => {
  const { files, driver } = echoService();
  driver.answer = success("{}");
  const file = await files.tree.open(await files.id(INVOKE), "write");
  await file.write(0, bytes('{"a":1,'));
  const words = "service invoke payload invalid: the payload ended before its closing brace, after 7 bytes";
  await assert.rejects(file.close(), refuses(Errno.EINVAL, words));
  assert.equal(await files.read("last_error.txt"), `control/invoke.json: ${words}`);
  assert.equal(await files.read("status.json"), '{"state":"idle"}');
  assert.deepEqual(driver.payloads, []);
  await files.write(INVOKE, "{}");
  assert.deepEqual([driver.payloads, await files.read("last_error.txt")], [["{}"], ""]);
});

Deno.test("Service refuses the first piece of a payload when it is off or cools down", async () => {
  const fixture = echoService();
  const { files } = fixture;
  await files.write("control/disable", "");
  await assert.rejects(files.write(INVOKE, '{"a":'), refuses(Errno.EPERM, "service invoke denied"));
  await files.write("control/enable", "");
  await files.write("config.json", '{"supervision":{"cooldown_ms":1000,"auto_disable_on_threshold":false}}');
  await run(fixture, failure("exit"));
  await assert.rejects(files.write(INVOKE, '{"a":'), refuses(Errno.EAGAIN, "service invoke cooling down"));
});

Deno.test("Service takes a shorter payload at offset 0 without what stood there before", async () => {
  const { files, driver } = echoService();
  driver.answer = success("{}");
  await files.write(INVOKE, '{"a":1,"b":2}');
  await files.write(INVOKE, '{"c":3}');
  await files.write(INVOKE, "", 3);
  assert.deepEqual(driver.payloads, ['{"a":1,"b":2}', '{"c":3}', '{"c":3}']);
});

Deno.test("Service shows the configuration in force and no draft of one", async () => {
  const { files } = echoService();
  await files.write("config.json", '{"mode":"safe"}');
  await assert.rejects(
    files.write("config.json", '{"supervision":{"cooldown_ms":-1}}'),
    refuses(Errno.EINVAL, "service invoke payload invalid: supervision.cooldown_ms must be at least 0"),
  );
  await assert.rejects(
    files.write("config.json", `{"supervision":{"cooldown_ms":${Number.MAX_SAFE_INTEGER}}}`),
    refuses(Errno.EINVAL, "service invoke payload invalid: supervision.cooldown_ms must be at most 86400000"),
  );
  await files.tree.truncate(await files.id("config.json"), 0);
  assert.equal(await files.read("config.json"), '{"mode":"safe"}');
  const file = await files.tree.open(await files.id("config.json"), "write");
  assert.deepEqual(await file.write(0, bytes('{"big":90071992547')), { n: 18 });
  assert.equal(await files.read("config.json"), '{"mode":"safe"}');
  await file.write(18, bytes('40993, "n":1}'));
  assert.equal(await files.read("config.json"), '{"big":9007199254740993,"n":1}');
});

Deno.test("Service runs as many at once as it may, queues the next and refuses the rest", async () => {
  const { files, driver } = echoService({ concurrent: 2, queued: 1 });
  const answers = [1, 2, 3].map((n) => files.write(INVOKE, `{"n":${n}}`));
  await settled();
  assert.equal(driver.pending.length, 2);
  assert.equal((await files.readJson("calls/c-3/status.json"))["state"], "queued");
  await assert.rejects(files.write(INVOKE, "{}"), refuses(Errno.EAGAIN, "queue full"));
  driver.settle(success("1"));
  await settled();
  assert.deepEqual(driver.payloads.at(-1), '{"n":3}');
  driver.settle(success("2"));
  driver.settle(success("3"));
  assert.deepEqual((await Promise.all(answers)).map(({ call_id }) => call_id), ["c-1", "c-2", "c-3"]);
});

Deno.test("Service runs no more at once than its driver wants", async () => {
  const { files, driver } = echoService({}, new ScriptedDriver(1));
  const answers = [files.write(INVOKE, "{}"), files.write(INVOKE, "{}")];
  await settled();
  assert.equal(driver.pending.length, 1);
  driver.settle(success("1"));
  await settled();
  driver.settle(success("2"));
  await Promise.all(answers);
});

Deno.test("Service refuses what waits when it is disabled meanwhile", async () => {
  const { files, driver } = echoService({ concurrent: 1 });
  const first = files.write(INVOKE, "{}");
  const second = files.write(INVOKE, "{}");
  const refused = assert.rejects(second, refuses(Errno.EPERM, "service invoke denied"));
  await settled();
  await files.write("control/disable", "");
  await refused;
  assert.equal((await files.readJson("calls/c-2/status.json"))["reason"], "disabled");
  driver.settle(success("late"));
  await first;
  assert.equal(await files.read("status.json"), '{"state":"offline","reason":"disabled"}');
  assert.equal(await files.read("calls/c-1/result.json"), "late");
  assert.equal(driver.payloads.length, 1);
});

Deno.test("Service answers running after 40 s and shows the outcome later", async () => {
  const { files, driver, clock } = echoService();
  const answer = files.write(INVOKE, "{}");
  await settled();
  clock.advance(39_999);
  clock.advance(1);
  assert.deepEqual(await answer, { n: 2, call_id: "c-1", state: "running" });
  assert.equal((await files.readJson("status.json"))["state"], "running");
  driver.settle(success("late"));
  await settled();
  assert.equal(await files.read("result.json"), "late");
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("Service.replace() keeps ids, handles and counters, and lets a run end on the old driver", async () => {
  const { service, files, driver } = echoService();
  const handle = await files.tree.open(await files.id("README.md"), "read");
  const answer = files.write(INVOKE, '{"n":1}');
  await settled();
  const newDriver = new ScriptedDriver();
  newDriver.answer = success("new");
  service.replace(
    definition("echo", newDriver, { descriptor: descriptor("echo", { version: "2", help_md: "new help" }) }),
    () => newDriver,
  );
  const { bytes: readme } = await handle.read(0, 100);
  assert.equal(new TextDecoder().decode(readme), "new help");
  await files.write(INVOKE, '{"n":2}');
  assert.deepEqual(newDriver.payloads, ['{"n":2}']);
  assert.equal(driver.closes, 0);
  driver.settle(success("old"));
  assert.deepEqual(await answer, { n: 7, call_id: "c-1" });
  await settled();
  assert.equal(driver.closes, 1);
  assert.equal((await files.readJson("health.json"))["invokes_total"], 2);
});

Deno.test("Service.replace() changes nothing when the new driver cannot be made", async () => {
  const { service, files, driver } = echoService();
  driver.answer = success("old");
  assert.throws(() =>
    service.replace(definition("echo"), () => {
      throw new Error("no such library");
    }), /no such library/);
  await files.write(INVOKE, "{}");
  assert.equal(await files.read("result.json"), "old");
  assert.equal(driver.closes, 0);
});

Deno.test("Service makes a new driver when it is restarted", async () => {
  const drivers: ScriptedDriver[] = [];
  const createDriver = () => {
    const driver = new ScriptedDriver();
    drivers.push(driver);
    return driver;
  };
  const service = new Service(definition("echo"), createDriver, hostParts(), NOBODY);
  await new TreeClient(service.tree).write("control/restart", "");
  await settled();
  assert.deepEqual(drivers.map(({ closes }) => closes), [1, 0]);
});

Deno.test("Service.stop() refuses what waits, lets runs end within the grace period, then closes the driver", async () => {
  const { service, files, driver } = echoService({ concurrent: 1 });
  const first = files.write(INVOKE, "{}");
  const second = assert.rejects(files.write(INVOKE, "{}"), refuses(Errno.EAGAIN, "service is stopping"));
  await settled();
  const stopped = service.stop(1_000);
  await second;
  assert.equal(driver.closes, 0);
  driver.settle(success("done"));
  assert.deepEqual(await first, { n: 2, call_id: "c-1" });
  await stopped;
  await service.stop(1_000);
  assert.equal(driver.closes, 1);
  await assert.rejects(files.write(INVOKE, "{}"), refuses(Errno.EAGAIN, "service is stopping"));
});

Deno.test("Service.stop() cancels runs after the grace period and counts no failure", async () => {
  const { service, files, driver, clock } = echoService();
  const answer = files.write(INVOKE, "{}");
  await settled();
  const stopped = service.stop(1_000);
  await settled();
  clock.advance(1_000);
  await stopped;
  await answer;
  const status = await files.readJson("status.json");
  assert.deepEqual([status["state"], status["reason"], status["failures_total"]], ["error", "cancelled", 0]);
  assert.equal(driver.closes, 1);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("Service.stop() does not wait for ever for a driver that heeds nothing", async () => {
  const driver = new ScriptedDriver();
  driver.invoke = () => new Promise(() => {});
  const { service, files, clock } = echoService({}, driver);
  files.write(INVOKE, "{}");
  await settled();
  const stopped = service.stop(1_000);
  await settled();
  clock.advance(1_000);
  await settled();
  clock.advance(2_500);
  await stopped;
  assert.equal(driver.closes, 1);
});

Deno.test("Service lets one trial through after a cooldown, tells the next ones why they have to wait, and waits longer when it fails", async () => {
  const scene = echoService();
  const { files, clock, driver } = scene;
  await files.write("config.json", '{"supervision":{"cooldown_ms":1000}}');
  await run(scene, failure("exit"));
  await assert.rejects(
    files.write(INVOKE, "{}"),
    refuses(Errno.EAGAIN, "service invoke cooling down: try again in 1000"),
  );
  clock.advance(1_000);
  assert.equal((await files.readJson("health.json"))["cooldown_remaining_ms"], 0);
  const trial = files.write(INVOKE, "{}");
  await settled();
  await assert.rejects(files.write(INVOKE, "{}"), refuses(Errno.EAGAIN, "service invoke cooling down: a trial run"));
  driver.settle(failure("exit"));
  await trial;
  assert.equal((await files.readJson("status.json"))["retry_after_ms"], 2_000);
  clock.advance(2_000);
  await run(scene, success("{}"));
  await run(scene, failure("exit"));
  assert.equal((await files.readJson("status.json"))["retry_after_ms"], 1_000);
});

Deno.test("Service takes the rules of its manifest, config.json stands over them, and a new manifest changes only its own", async () => {
  const parts = hostParts();
  const driver = new ScriptedDriver();
  const supervision = {
    ...DEFAULT_DECLARED,
    cooldown_ms: 500,
    max_consecutive_failures: 3,
    auto_disable_on_failures: true,
  };
  const declared = definition("echo", driver, { supervision });
  const service = new Service(declared, () => driver, parts, NOBODY);
  const files = new TreeClient(service.tree);
  const rules = async () => (await files.readJson("health.json"))["supervision"];
  const manifest = {
    max_consecutive_failures: 3,
    max_consecutive_timeouts: 0,
    cooldown_ms: 500,
    auto_disable_on_threshold: true,
  };
  assert.deepEqual(await rules(), manifest);
  await files.write("config.json", '{"supervision":{"cooldown_ms":9}}');
  assert.deepEqual(await rules(), { ...manifest, cooldown_ms: 9 });
  const snapshot = JSON.parse(JSON.stringify(service.snapshot()));
  const changed = { ...supervision, max_consecutive_failures: 5, cooldown_ms: 700 };
  service.replace(definition("echo", driver, { supervision: changed }), () => new ScriptedDriver());
  assert.deepEqual(await rules(), { ...manifest, max_consecutive_failures: 5, cooldown_ms: 9 });
  // The same when the manifest changes while the node does not run.
  const later = new Service(definition("echo", driver, { supervision: changed }), () => driver, hostParts(), NOBODY);
  later.restore(snapshot);
  assert.deepEqual((await new TreeClient(later.tree).readJson("health.json"))["supervision"], {
    ...manifest,
    max_consecutive_failures: 5,
    cooldown_ms: 9,
  });
});

Deno.test("Service keeps explicit rules of a state file that say something else than its config.json", async () => {
  const { service, files } = echoService();
  const supervision = { max_consecutive_failures: 0, max_consecutive_timeouts: 2, cooldown_ms: 0 };
  service.restore(serviceSnapshot.parse({ service_id: "echo", runtime: { supervision } }));
  const rules = async () => Object((await files.readJson("health.json"))["supervision"]).max_consecutive_timeouts;
  assert.equal(await rules(), 2);
  service.restore(JSON.parse(JSON.stringify(service.snapshot())));
  assert.equal(await rules(), 2);
});

Deno.test("Service is offered no look while it is disabled or stops, and takes none of a driver that it has replaced", async () => {
  const { service, driver, files } = echoService();
  assert.equal(service.nextLookIn, 5_000);
  service.looked({ ok: false, detail: "it is gone" }, driver);
  assert.deepEqual([service.descriptor.state, service.nextLookIn], ["degraded", 500]);
  assert.equal((await files.readJson("health.json"))["state"], "degraded");
  service.replace(definition("echo"), () => new ScriptedDriver());
  service.looked({ ok: true }, driver);
  assert.equal(service.descriptor.state, "degraded");
  service.looked({ ok: true }, service.driver);
  assert.equal(service.descriptor.state, "online");
  await files.write("control/disable", "");
  assert.deepEqual([service.nextLookIn, service.descriptor.state], [undefined, "offline"]);
  await service.stop(0);
  assert.equal(service.nextLookIn, undefined);
});

Deno.test("Service tries out what its manifest declares, but not while it cools down", async () => {
  const driver = new ScriptedDriver();
  driver.answer = success("{}");
  const probe = { payload: { ping: 1 }, timeout_ms: 50 };
  const service = new Service(definition("echo", driver, { probe }), () => driver, hostParts(), NOBODY);
  const result = await service.tryOut();
  assert.deepEqual([result?.ok, driver.payloads], [true, ['{"ping":1}']]);
  const files = new TreeClient(service.tree);
  await files.write("config.json", '{"supervision":{"cooldown_ms":1000}}');
  driver.answer = failure("exit");
  await files.write(INVOKE, "{}");
  assert.equal(service.tryOut(), undefined);
  assert.equal((await files.readJson("metrics.json"))["invokes_total"], 1, "a probe is no call of a client");
});

Deno.test("Service tries out only in a place that is free, and a call waits until that is over", async () => {
  const driver = new ScriptedDriver(1);
  const probe = { payload: { ping: 1 }, timeout_ms: 50 };
  const service = new Service(definition("echo", driver, { probe }), () => driver, hostParts(), NOBODY);
  const files = new TreeClient(service.tree);
  const call = files.write(INVOKE, '{"call":1}');
  await settled();
  assert.equal(service.tryOut(), undefined);
  driver.settle(success("{}"));
  await call;
  const tried = service.tryOut();
  const next = files.write(INVOKE, '{"call":2}');
  await settled();
  assert.deepEqual(driver.payloads, ['{"call":1}', '{"ping":1}']);
  driver.settle(success("{}"));
  assert.equal((await tried)?.ok, true);
  await settled();
  driver.settle(success("{}"));
  await next;
  assert.equal(driver.payloads.length, 3);
});

Deno.test("Service closes its driver when it is switched off and takes a new one when it is switched on", async () => {
  for (const endsWhenDisabled of [false, true]) {
    const drivers = [new ScriptedDriver(), new ScriptedDriver()];
    let made = 0;
    const make = () => drivers[made++] ?? assert.fail("one driver too many");
    const parts = hostParts();
    const service = new Service(definition("echo", undefined, { endsWhenDisabled }), make, parts, NOBODY);
    const files = new TreeClient(service.tree);
    const call = files.write(INVOKE, "{}");
    await settled();
    await files.write("control/disable", "");
    parts.clock.advance(0);
    await settled();
    assert.deepEqual([drivers[0]?.pending.length, drivers[0]?.closes], endsWhenDisabled ? [0, 1] : [1, 0]);
    if (!endsWhenDisabled) drivers[0]?.settle(success("{}"));
    await call;
    await settled();
    assert.deepEqual([drivers[0]?.closes, made], [1, 1]);
    await files.write("control/enable", "");
    assert.equal(service.driver, drivers[1]);
    await files.write("control/enable", "");
    await service.stop();
    assert.deepEqual([drivers[1]?.closes, made], [1, 2]);
  }
});

Deno.test("Service keeps no driver while it is off, whatever becomes of its manifest and its operators do", async () => {
  const drivers: ScriptedDriver[] = [];
  const make = () => {
    const driver = new ScriptedDriver();
    drivers.push(driver);
    return driver;
  };
  const unclosed = () => drivers.filter(({ closes }) => closes === 0);
  const service = new Service(definition("echo"), make, hostParts(), NOBODY);
  const files = new TreeClient(service.tree);
  const acts: readonly (() => unknown)[] = [
    () => files.write("control/restart", ""),
    () => files.write("control/reset", ""),
    () => service.replace(definition("echo"), make),
    () => files.write("config.json", "{}"),
    () => files.write("control/disable", ""),
  ];
  await files.write("control/disable", "");
  for (const act of acts) {
    await act();
    await settled();
    assert.deepEqual(unclosed(), [], String(act));
  }
  assert.equal((await files.readJson("status.json"))["state"], "offline");
  await files.write("control/enable", "");
  await settled();
  assert.deepEqual(unclosed(), [service.driver]);
  await service.stop();
});

Deno.test("Service names in the status of a run what it left running, also what is found later, and waits for nothing", async () => {
  const { files, service, driver, parts: { problems } } = echoService();
  const late = Promise.withResolvers<readonly { pid: number; name: string }[]>();
  const [known, found] = [{ pid: 7, name: "logger" }, { pid: 8, name: "daemon" }];
  const call = files.write(INVOKE, "{}");
  await settled();
  driver.settle({ ...success("{}"), notice: "it left logger", strays: [known], lateStrays: late.promise });
  assert.equal((await call).call_id, "c-1");
  const shown = async () => [
    (await files.readJson("status.json"))["strays"],
    (await files.readJson("calls/c-1/status.json"))["strays"],
  ];
  assert.deepEqual([await shown(), service.numbers.running], [[[known], [known]], 0]);
  late.resolve([known, found]);
  await settled();
  assert.deepEqual(await shown(), [[known, found], [known, found]]);
  assert.match(problems.join("\n"), /c-1 .*it left logger\n.*c-1 .*: daemon \(pid 8\)$/);
  driver.answer = success("{}");
  await files.write(INVOKE, "{}");
  assert.deepEqual(await shown(), [undefined, [known, found]]);
});
