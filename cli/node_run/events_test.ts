import assert from "node:assert/strict";
import { configure, getJsonLinesFormatter } from "@logtape/logtape";
import type { NodeEvent } from "../../runtime/mod.ts";
import type { CliIo } from "../io.ts";
import { sayAsRecords, sayAsText } from "./events.ts";

const lost: NodeEvent = { type: "lost", reason: 'the "server" said {no}', retry_in_ms: 5_000 };

async function recordOf(event: NodeEvent): Promise<Record<string, unknown>> {
  const lines: string[] = [];
  const format = getJsonLinesFormatter();
  await configure({
    reset: true,
    sinks: { here: (record) => lines.push(format(record)) },
    loggers: [
      { category: ["zss"], lowestLevel: "debug", sinks: ["here"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: [] },
    ],
  });
  sayAsRecords()(event);
  await configure({ reset: true, sinks: {}, loggers: [{ category: ["logtape", "meta"], lowestLevel: "error" }] });
  return JSON.parse(lines.join(""));
}

Deno.test("sayAsRecords() writes what a person would read as the message, and the members as properties", async () => {
  const { level, message, properties } = await recordOf(lost);
  assert.deepEqual([level, message], ["WARN", 'zss node offline: the "server" said {no}; next try in 5.0 s']);
  assert.deepEqual(properties, { event: "lost", reason: lost.reason, retry_in_ms: 5_000 });
});

Deno.test("sayAsRecords() writes one line for an event of several, and what nobody need read as debug", async () => {
  const asked = await recordOf({ type: "asks_to_join", request_id: "pending-join-1", code: "ABC-DEF" });
  assert.deepEqual([asked["level"], asked["message"]], [
    "INFO",
    "zss node asks to join as pending-join-1, code ABC-DEF",
  ]);
  const renewed = await recordOf({ type: "lease_refreshed", expires_at_ms: 7 });
  assert.deepEqual([renewed["level"], renewed["message"]], ["DEBUG", "lease_refreshed"]);
  const left = { error: 0, warning: 0, info: 0 };
  assert.equal((await recordOf({ type: "findings", findings: [], left }))["level"], "INFO");
  const fewer = await recordOf({ type: "findings", findings: [], left: { ...left, error: 1, warning: 2 } });
  assert.deepEqual([fewer["level"], fewer["message"]], [
    "INFO",
    "zss node: some findings are gone, 1 error and 2 warnings are left",
  ]);
});

Deno.test("sayAsRecords() writes a line for each service that becomes unwell, well, or is switched off", async () => {
  const about = { type: "service", service_id: "camera", wanted: false } as const;
  const cases: readonly [NodeEvent, string, string][] = [
    [{ ...about, state: "degraded", reason: "the last run failed" }, "WARN", "is degraded: the last run failed"],
    [{ ...about, state: "offline", reason: "switched off" }, "WARN", "is offline: switched off"],
    [{ ...about, state: "offline", reason: "switched off", wanted: true }, "INFO", "is offline: switched off"],
    [{ ...about, state: "online", reason: null }, "INFO", "is online again"],
  ];
  for (const [event, level, words] of cases) {
    const record = await recordOf(event);
    assert.deepEqual([record["level"], record["message"]], [level, `zss node: service "camera" ${words}`]);
  }
});

Deno.test("sayAsText() puts trouble on standard error, and says nothing of renewed leases", () => {
  const said: string[] = [];
  const stream = (name: string) => ({ isTerminal: false, write: (text: string) => void said.push(`${name}: ${text}`) });
  const io: Pick<CliIo, "stdout" | "stderr" | "env"> = { stdout: stream("out"), stderr: stream("err"), env: {} };
  const say = sayAsText(io);
  say({ type: "lease_refreshed", expires_at_ms: 7 });
  say(lost);
  say({ type: "listening", url: "ws://127.0.0.1:1/v2/fs", trees: 2 });
  assert.deepEqual(said, [
    'err: zss node offline: the "server" said {no}; next try in 5.0 s\n',
    "out: zss node listening on ws://127.0.0.1:1/v2/fs: 2 trees served\n",
  ]);
});
