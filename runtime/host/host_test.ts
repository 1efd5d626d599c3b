import assert from "node:assert/strict";
import { ZssError } from "../../control/protocol/errors.ts";
import { Host, type HostChange } from "./host.ts";
import {
  definition,
  descriptor,
  hostParts,
  ScriptedDriver,
  settled,
  success,
  TreeClient,
} from "./service_fixture_test.ts";

function emptyHost() {
  const parts = hostParts();
  const host = new Host(parts);
  const heard: string[] = [];
  host.onChange((change: HostChange) =>
    heard.push(change.kind === "state" ? `state ${change.service_id}` : change.kind)
  );
  return { host, parts, heard };
}

Deno.test("Host lists a service without a driver in the catalog and gives it no tree", () => {
  const { host, heard } = emptyHost();
  host.add(definition("fs"));
  host.add(definition("echo", new ScriptedDriver()));
  assert.deepEqual(host.catalog().map(({ service_id }) => service_id), ["fs", "echo"]);
  assert.deepEqual(host.trees().map(({ description }) => description), [{
    name: "svc-echo",
    description: "namespace service echo",
    source_id: "service:echo",
    read_only: false,
    source_kind: "namespace",
  }]);
  assert.deepEqual(heard, ["catalog", "trees", "catalog"]);
});

Deno.test("Host refuses an id that is taken and says by whom", () => {
  const { host, heard } = emptyHost();
  host.add(definition("fs", undefined, { origin: "the built-in fs service" }));
  heard.length = 0;
  assert.throws(() => host.add(definition("fs", new ScriptedDriver())), (thrown) => {
    assert.ok(thrown instanceof ZssError);
    assert.equal(thrown.code, "duplicate_service_id");
    assert.equal(
      thrown.message,
      'Cannot register service "fs" from services.d/fs.json: the id is taken by the built-in fs service',
    );
    return true;
  });
  assert.deepEqual(heard, []);
});

Deno.test("Host refuses more services than a catalog holds", () => {
  const { host } = emptyHost();
  for (let n = 0; n < 1024; n++) host.add(definition(`s${n}`));
  assert.throws(() => host.add(definition("one-more")), /the node has 1024 services/);
});

Deno.test("Host adds nothing when the driver cannot be made", () => {
  const { host, heard } = emptyHost();
  const broken = definition("echo", undefined, {
    createDriver: () => {
      throw new Error("no such library");
    },
  });
  assert.throws(() => host.add(broken), /no such library/);
  assert.deepEqual([host.catalog().length, heard], [0, []]);
});

Deno.test("Host.replace() keeps the tree and the place in the catalog", async () => {
  const { host } = emptyHost();
  host.add(definition("a", new ScriptedDriver()));
  host.add(definition("b", new ScriptedDriver()));
  const [tree] = host.trees();
  host.replace(definition("a", new ScriptedDriver(), { descriptor: descriptor("a", { version: "2" }) }));
  assert.equal(host.trees()[0], tree);
  assert.deepEqual(host.catalog().map(({ service_id, version }) => `${service_id} ${version}`), ["a 2", "b 1"]);
  await host.stop(0);
});

Deno.test("Host.replace() takes the tree away with the driver and brings it back with one", async () => {
  const { host } = emptyHost();
  const driver = new ScriptedDriver();
  host.add(definition("a", driver));
  host.replace(definition("a"));
  await settled();
  assert.deepEqual([host.trees().length, driver.closes], [0, 1]);
  host.replace(definition("a", new ScriptedDriver()));
  assert.equal(host.trees().length, 1);
});

Deno.test("Host.remove() takes the service out of the catalog at once and lets its run end", async () => {
  const { host } = emptyHost();
  const driver = new ScriptedDriver();
  host.add(definition("a", driver));
  const [tree] = host.trees();
  assert.ok(tree);
  const files = new TreeClient(tree);
  const answer = files.write("control/invoke.json", "{}");
  await settled();
  host.remove("a");
  assert.deepEqual([host.catalog().length, host.trees().length], [0, 1], "until its run has ended");
  host.add(definition("a", new ScriptedDriver()));
  driver.settle(success("{}"));
  assert.equal((await answer).call_id, "c-1");
  await settled();
  assert.equal(driver.closes, 1);
  assert.throws(() => host.remove("b"), /no such service/);
});

Deno.test("Host runs a service while another one is busy", async () => {
  const { host } = emptyHost();
  const slow = new ScriptedDriver();
  const quick = new ScriptedDriver();
  quick.answer = success("{}");
  host.add(definition("slow", slow));
  host.add(definition("quick", quick));
  const [first, second] = host.trees().map((tree) => new TreeClient(tree));
  assert.ok(first && second);
  const waiting = Array.from({ length: 20 }, () => first.write("control/invoke.json", "{}"));
  await settled();
  assert.deepEqual(await second.write("control/invoke.json", "{}"), { n: 2, call_id: "c-21" });
  slow.answer = success("{}");
  while (slow.pending.length > 0) {
    slow.settle(success("{}"));
    await settled();
  }
  assert.equal((await Promise.all(waiting)).length, 20);
});

Deno.test("Host.batch() tells of each kind of change once, when all are made", () => {
  const { host, heard } = emptyHost();
  host.batch(() => {
    host.add(definition("a", new ScriptedDriver()));
    host.add(definition("b", new ScriptedDriver()));
    assert.deepEqual(heard, []);
  });
  assert.deepEqual(heard, ["trees", "catalog"]);
});

Deno.test("Host tells of a state to keep when a service is invoked or operated", async () => {
  const { host, heard } = emptyHost();
  host.add(definition("a", new ScriptedDriver()));
  heard.length = 0;
  const [tree] = host.trees();
  assert.ok(tree);
  await new TreeClient(tree).write("control/disable", "");
  assert.deepEqual(heard, ["catalog", "state a"]);
});

Deno.test("Host.restore() says whether there is such a service", () => {
  const { host } = emptyHost();
  host.add(definition("a", new ScriptedDriver()));
  const snapshot = host.service("a")?.snapshot();
  assert.ok(snapshot);
  assert.equal(host.restore(snapshot), true);
  assert.equal(host.restore({ ...snapshot, service_id: "b" }), false);
});

Deno.test("Host.stop() ends all services at the same time and reports a driver that does not close", async () => {
  const { host, parts } = emptyHost();
  const stuck = new ScriptedDriver();
  stuck.close = () => Promise.reject(new Error("stuck"));
  const good = new ScriptedDriver();
  host.add(definition("stuck", stuck));
  host.add(definition("good", good));
  await host.stop(1_000);
  assert.equal(good.closes, 1);
  assert.deepEqual(parts.problems, ['Cannot close the driver of service "stuck": stuck']);
});

Deno.test("Host lets a run of 30 s on one service delay nothing on another", async () => {
  const { host, parts } = emptyHost();
  const slow = new ScriptedDriver();
  const quick = new ScriptedDriver();
  quick.answer = success("{}");
  host.add(definition("slow", slow));
  host.add(definition("quick", quick));
  const [first, second] = host.trees().map((tree) => new TreeClient(tree));
  assert.ok(first && second);
  const long = first.write("control/invoke.json", "{}");
  for (let passed = 0; passed < 30; passed++) {
    const began = parts.clock.monotonic();
    assert.equal((await second.write("control/invoke.json", "{}")).n, 2);
    assert.equal((await second.readJson("status.json"))["state"], "ok");
    assert.equal((await first.readJson("status.json"))["state"], "running");
    assert.equal(parts.clock.monotonic(), began);
    parts.clock.advance(1_000);
  }
  slow.settle(success('{"late":true}'));
  assert.equal((await long).state, undefined);
  assert.equal(quick.payloads.length, 30);
});

Deno.test("Host.fault() shows in the entry what is wrong, also of a service without a driver", () => {
  const { host } = emptyHost();
  host.add(definition("a", new ScriptedDriver()));
  host.add(definition("b"));
  const faults = () => host.catalog().map(({ runtime }) => runtime["reload_error"]);
  for (const id of ["a", "b"]) host.fault(id, `${id}.json:1:1: no`);
  assert.deepEqual(faults(), ["a.json:1:1: no", "b.json:1:1: no"]);
  host.replace(definition("b"));
  host.fault("a", undefined);
  assert.deepEqual(faults(), [undefined, undefined]);
  assert.throws(() => host.fault("c", "no"), /no such service/);
});

Deno.test("Host serves the tree of a service that is taken away until its run has ended and was read", async () => {
  const { host, parts } = emptyHost();
  const kept: unknown[] = [];
  host.onChange((change) => change.kind === "removed" && kept.push(change.snapshot.result_json));
  const driver = new ScriptedDriver();
  host.add(definition("echo", driver));
  const [tree] = host.trees();
  assert.ok(tree);
  const files = new TreeClient(tree);
  const call = files.write("control/invoke.json", "{}");
  await settled();
  host.remove("echo");
  parts.clock.advance(3_600_000);
  await settled();
  assert.equal(driver.pending.length, 1, "only its timeout ends a run");
  assert.deepEqual([host.catalog().length, host.trees(), host.isBusy], [0, [tree], true]);
  assert.deepEqual([kept, host.snapshots().length], [[], 1]);
  await assert.rejects(files.write("control/invoke.json", "{}"), /service is stopping/);
  driver.settle(success('{"last":1}'));
  await call;
  await settled();
  assert.deepEqual([host.trees(), await files.read("result.json"), host.isBusy], [[tree], '{"last":1}', false]);
  parts.clock.advance(250);
  assert.deepEqual([host.trees(), kept, host.snapshots().length], [[], ['{"last":1}'], 0]);
  await host.stop(0);
  assert.equal(parts.clock.pendingTimers, 0);
});

for (const moment of ["while it runs", "after it has run"]) {
  Deno.test(`Host takes a service back that returns ${moment}, with its calls, handles and counters`, async () => {
    const { host, parts, heard } = emptyHost();
    const [old, fresh] = [new ScriptedDriver(), new ScriptedDriver()];
    host.add(definition("echo", old));
    const [tree] = host.trees();
    assert.ok(tree);
    const files = new TreeClient(tree);
    const handle = await tree.open(await files.id("control/invoke.json"), "write");
    const call = handle.write(0, new TextEncoder().encode('{"n":1}'));
    await settled();
    host.remove("echo");
    const end = async () => {
      old.settle(success('{"n":1}'));
      assert.equal((await call).call_id, "c-1");
      await settled();
    };
    if (moment === "after it has run") await end();
    host.add(definition("echo", fresh, { descriptor: descriptor("echo", { version: "2" }) }));
    assert.deepEqual([host.trees(), host.catalog()[0]?.version], [[tree], "2"]);
    if (moment === "while it runs") {
      assert.equal((await files.readJson("status.json"))["state"], "running");
      await end();
    }
    parts.clock.advance(3_600_000);
    assert.deepEqual([host.trees(), old.closes, heard.includes("removed")], [[tree], 1, false]);
    assert.deepEqual([await files.read("calls/c-1/result.json"), await files.read("result.json")], [
      '{"n":1}',
      '{"n":1}',
    ]);
    fresh.answer = success("{}");
    assert.equal((await handle.write(0, new TextEncoder().encode('{"n":2}'))).call_id, "c-2");
    assert.deepEqual([(await files.readJson("metrics.json"))["invokes_total"], fresh.payloads], [2, ['{"n":2}']]);
    // And once more, to the end.
    host.remove("echo");
    await settled();
    assert.deepEqual([host.trees(), fresh.closes, heard.includes("removed")], [[], 1, true]);
    assert.equal(parts.clock.pendingTimers, 0);
  });
}

Deno.test("Host goes on taking a service away whose new driver cannot be made", async () => {
  const { host } = emptyHost();
  const driver = new ScriptedDriver();
  host.add(definition("echo", driver));
  const [tree] = host.trees();
  assert.ok(tree);
  const call = new TreeClient(tree).write("control/invoke.json", "{}");
  await settled();
  host.remove("echo");
  const createDriver = () => assert.fail("no such library");
  assert.throws(() => host.add(definition("echo", undefined, { createDriver })), /no such library/);
  assert.deepEqual([host.catalog(), host.trees()], [[], [tree]]);
  driver.settle(success("{}"));
  await call;
  await host.stop(0);
  assert.deepEqual([host.trees(), driver.closes], [[], 1]);
});

Deno.test("Host.stop() gives the runs of services that are going, and of drivers that were replaced, their grace and no more", async () => {
  const { host, parts } = emptyHost();
  const drivers = [new ScriptedDriver(), new ScriptedDriver(), new ScriptedDriver()];
  const [gone, replaced, second] = drivers;
  host.add(definition("gone", gone));
  host.add(definition("replaced", replaced));
  const calls = host.trees().map((tree) => new TreeClient(tree).write("control/invoke.json", "{}"));
  await settled();
  host.remove("gone");
  host.replace(definition("replaced", second));
  const stopped = host.stop(1_000);
  parts.clock.advance(1_000);
  await Promise.all([stopped, ...calls]);
  assert.deepEqual(drivers.map(({ closes }) => closes), [1, 1, 1]);
});
