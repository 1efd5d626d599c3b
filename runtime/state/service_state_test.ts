import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "../../drivers/process/manual_clock.ts";
import { initialState } from "../supervision/machine.ts";
import { type ServiceSnapshot, takeSnapshot } from "../supervision/snapshot.ts";
import { ServiceStateFile, serviceStatePath } from "./service_state.ts";

function snapshotOf(service_id: string, result = "{}"): ServiceSnapshot {
  return takeSnapshot(service_id, initialState(), { config: "{}", result, status: "{}", last_error: "" });
}

/** Services that only remember what they were given. */
function services(...ids: string[]) {
  const held = new Map(ids.map((id) => [id, snapshotOf(id)]));
  return {
    held,
    snapshots: () => [...held].map(([service_id, snapshot]) => ({ service_id, snapshot: () => snapshot })),
    restore(snapshot: ServiceSnapshot) {
      if (!held.has(snapshot.service_id)) return false;
      if (snapshot.runtime.config_json === "broken") throw new Error("it is no configuration");
      held.set(snapshot.service_id, snapshot);
      return true;
    },
  };
}

async function withFile(
  body: (path: string, open: (held: ReturnType<typeof services>) => ServiceStateFile, parts: {
    readonly clock: ManualClock;
    readonly problems: string[];
  }) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "zss-service-state-"));
  const clock = new ManualClock();
  const problems: string[] = [];
  const path = serviceStatePath(join(folder, "state.json"));
  try {
    await body(
      path,
      (held) => new ServiceStateFile(path, { clock, services: held, report: (problem) => problems.push(problem) }),
      { clock, problems },
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

Deno.test("runtime state path derives from node state path", () => {
  assert.equal(serviceStatePath("/var/a.json"), "/var/a.json.runtime-services.json");
});

Deno.test("ServiceStateFile writes the shape of the reference, a moment after the first of many changes", async () => {
  await withFile(async (path, open, { clock }) => {
    const file = open(services("echo"));
    file.changed("echo");
    file.changed("echo");
    clock.advance(49);
    await assert.rejects(readFile(path));
    file.changed("echo");
    clock.advance(1);
    await file.flush();
    assert.equal(
      await readFile(path, "utf8"),
      '{"schema":1,"services":[{"service_id":"echo","runtime":{"enabled":true,"restarts_total":0,' +
        '"last_control_ms":0,"last_control_op":"init","config_json":"{}","cooldown_until_ms":0,"supervision":' +
        '{"max_consecutive_failures":0,"max_consecutive_timeouts":0,"cooldown_ms":0,"auto_disable_on_threshold":true}},' +
        '"stats":{"invokes_total":0,"failures_total":0,"consecutive_failures":0,"timeouts_total":0,' +
        '"consecutive_timeouts":0,"last_duration_ms":0,"last_started_ms":0,"last_finished_ms":0,"last_exit_code":0},' +
        '"result_json":"{}","status_json":"{}","last_error":""}]}\n',
    );
    assert.equal(clock.pendingTimers, 0);
  });
});

Deno.test("ServiceStateFile gives each entry to its service, also to one that comes later, and keeps the rest", async () => {
  await withFile(async (path, open) => {
    const entries = [snapshotOf("a", "from a"), snapshotOf("late", "from late"), snapshotOf("gone", "from gone")];
    await writeFile(path, JSON.stringify({ schema: 1, services: entries }));
    const held = services("a");
    const file = open(held);
    await file.load();
    file.restore();
    assert.equal(held.held.get("a")?.result_json, "from a");
    held.held.set("late", snapshotOf("late"));
    file.restore();
    assert.equal(held.held.get("late")?.result_json, "from late");
    file.changed("a");
    await file.close();
    const written = JSON.parse(await readFile(path, "utf8"));
    assert.deepEqual(written.services.map((entry: ServiceSnapshot) => [entry.service_id, entry.result_json]), [
      ["a", "from a"],
      ["late", "from late"],
      ["gone", "from gone"],
    ]);
  });
});

Deno.test("ServiceStateFile skips a bad entry by its name and restores the others", async () => {
  await withFile(async (path, open, { problems }) => {
    const bad = { ...snapshotOf("bad"), stats: { invokes_total: -1 } };
    const broken = { ...snapshotOf("broken"), runtime: { config_json: "broken" } };
    const entries = [bad, 7, broken, snapshotOf("good", "kept"), { service_id: "bare" }];
    await writeFile(path, JSON.stringify({ services: entries }));
    const held = services("good", "bare", "bad", "broken");
    const file = open(held);
    await file.load();
    file.restore();
    assert.equal(held.held.get("good")?.result_json, "kept");
    assert.equal(held.held.get("bare")?.result_json, undefined);
    assert.equal(problems.length, 3);
    assert.match(problems[0] ?? "", /Cannot restore service "bad" from .*stats\.invokes_total/);
    assert.match(problems[1] ?? "", /Cannot restore service "#1"/);
    assert.match(problems[2] ?? "", /Cannot restore service "broken".*it is no configuration/);
  });
});

Deno.test("ServiceStateFile puts a file that it cannot read aside and says so", async () => {
  for (const text of ["{", "[]", '{"services":7}']) {
    await withFile(async (path, open, { problems }) => {
      await writeFile(path, text);
      await open(services()).load();
      assert.deepEqual(await readdir(join(path, "..")), ["state.json.runtime-services.json.damaged"]);
      assert.match(problems[0] ?? "", /services start anew/);
    });
  }
});

Deno.test("ServiceStateFile reads a result of several megabytes back", async () => {
  await withFile(async (_path, open) => {
    const held = services("echo");
    held.held.set("echo", snapshotOf("echo", '"\n\0'.repeat(1_000_000)));
    const first = open(held);
    first.changed("echo");
    await first.close();
    const again = services("echo");
    const second = open(again);
    await second.load();
    second.restore();
    assert.equal(again.held.get("echo")?.result_json?.length, 3_000_000);
  });
});

Deno.test("ServiceStateFile reports a write that failed and tries again with the next change", async () => {
  await withFile(async (path, open, { problems }) => {
    const file = open(services("echo"));
    await Deno.mkdir(path);
    file.changed("echo");
    await file.flush();
    assert.match(problems[0] ?? "", /Cannot write/);
    await Deno.remove(path);
    await file.close();
    assert.match(await readFile(path, "utf8"), /echo/);
  });
});

Deno.test("ServiceStateFile writes once a second while changes go on, and makes only the entries anew that changed", async () => {
  await withFile(async (path, open, { clock }) => {
    const held = services("busy", "idle");
    const file = open(held);
    file.changed("busy");
    clock.advance(50);
    await file.flush();
    // Nobody said that this one changed, so nobody should look at it again.
    held.held.set("idle", snapshotOf("idle", "unseen"));
    held.held.set("busy", snapshotOf("busy", "second"));
    file.changed("busy");
    clock.advance(949);
    assert.equal(clock.pendingTimers, 1);
    clock.advance(51);
    await file.flush();
    const results = async () => {
      const { services } = JSON.parse(await readFile(path, "utf8"));
      return services.map((entry: ServiceSnapshot) => entry.result_json);
    };
    assert.deepEqual(await results(), ["second", "{}"]);
    held.held.delete("busy");
    file.changed("busy");
    await file.close();
    assert.deepEqual(await results(), ["{}"]);
    assert.equal(clock.pendingTimers, 0);
  });
});

Deno.test("ServiceStateFile restores each service once when the catalog that this changes asks again", async () => {
  await withFile(async (path, open) => {
    const ids = Array.from({ length: 2_000 }, (_, index) => `s${index}`);
    await writeFile(path, JSON.stringify({ services: ids.map((id) => snapshotOf(id)) }));
    const restored: string[] = [];
    const held = services(...ids);
    const file = open({
      ...held,
      restore(snapshot) {
        restored.push(snapshot.service_id);
        file.restore();
        return true;
      },
    });
    await file.load();
    file.restore();
    assert.deepEqual(restored, ids);
  });
});

Deno.test("ServiceStateFile keeps what a removed service knew until it comes back, and not without end", async () => {
  await withFile(async (path, open) => {
    const held = services("echo");
    const file = open(held);
    held.held.delete("echo");
    file.removed(snapshotOf("echo", "last"));
    await file.flush();
    assert.match(await readFile(path, "utf8"), /"result_json":"last"/);
    held.held.set("echo", snapshotOf("echo", "anew"));
    file.restore();
    assert.equal(held.held.get("echo")?.result_json, "last");
    for (let n = 0; n <= 1_024; n++) file.removed(snapshotOf(`s${n}`));
    await file.close();
    const { services: entries } = JSON.parse(await readFile(path, "utf8"));
    assert.deepEqual([entries.length, entries[1].service_id], [1_025, "s1"]);
  });
});
