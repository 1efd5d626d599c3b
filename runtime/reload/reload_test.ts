import assert from "node:assert/strict";
import { ManualClock } from "../../drivers/process/manual_clock.ts";
import type { ReloadChange } from "./apply.ts";
import { Reloader, type WantedService, type WantedServices } from "./reload.ts";

/** `service` in `file`, version `text`. */
function wanted(service_id: string, text = "1", origin = `${service_id}.json`): WantedService<string> {
  return { service_id, origin, fingerprint: text, definition: `${service_id} ${text}` };
}

function set(services: readonly WantedService<string>[], damaged: readonly string[] = []): WantedServices<string> {
  return { services, damaged: new Map(damaged.map((file) => [file, `${file}:1:1: it is damaged`])) };
}

/** A reloader whose manifests and services the test holds. */
function reloading() {
  const running = new Map<string, string>();
  const faults = new Map<string, string>();
  const problems: string[] = [];
  const clock = new ManualClock();
  const state = { manifests: set([]), fails: false, loads: 0 };
  const define = (definition: string) => {
    if (definition.endsWith("broken")) throw new Error("no such library");
    running.set(definition.split(" ")[0] ?? "", definition);
  };
  const reloader = new Reloader<string>({
    clock,
    intervalMs: 2_000,
    report: (problem) => problems.push(problem),
    load: () => {
      state.loads++;
      return state.fails ? Promise.reject(new Error("disk on fire")) : Promise.resolve(state.manifests);
    },
    target: {
      add: define,
      replace: define,
      remove: (id) => running.delete(id),
      fault: (id, reason) => reason === undefined ? faults.delete(id) : faults.set(id, reason),
      batch: (body) => body(),
    },
  });
  const look = (manifests: WantedServices<string>) => {
    state.manifests = manifests;
    return reloader.reload();
  };
  return { reloader, running, faults, problems, clock, state, look };
}

const NOTHING: ReloadChange = { added: [], replaced: [], removed: [] };

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("refreshControlRuntimeForNode detects manifest changes", async () => {
  const { look } = reloading();
  assert.deepEqual(await look(set([wanted("a")])), { ...NOTHING, added: ["a"] });
  assert.deepEqual(await look(set([wanted("a")])), NOTHING);
  assert.deepEqual(await look(set([wanted("b", "1", "a.json")])), { ...NOTHING, added: ["b"], removed: ["a"] });
});

Deno.test("Reloader touches nothing when files only come in another order or a service moves to another file", async () => {
  const { look } = reloading();
  await look(set([wanted("a"), wanted("b")]));
  assert.deepEqual(await look(set([wanted("b"), wanted("a")])), NOTHING);
  assert.deepEqual(await look(set([wanted("b", "1", "moved.json"), wanted("a")])), NOTHING);
  assert.deepEqual(await look(set([wanted("a")], ["moved.json"])), NOTHING);
});

Deno.test("Reloader keeps the last good version of a damaged file until it is mended or gone", async () => {
  const { look, running } = reloading();
  await look(set([wanted("a"), wanted("b")]));
  assert.deepEqual(await look(set([wanted("b", "2")], ["a.json"])), { ...NOTHING, replaced: ["b"] });
  assert.deepEqual([...running.values()], ["a 1", "b 2"]);
  assert.deepEqual(await look(set([wanted("a", "2"), wanted("b", "2")])), { ...NOTHING, replaced: ["a"] });
  assert.deepEqual(await look(set([wanted("b", "2")])), { ...NOTHING, removed: ["a"] });
});

Deno.test("Reloader keeps what a folder has defined while the folder cannot be listed", async () => {
  const { look, running, faults } = reloading();
  await look(set([wanted("a", "1", "/srv/d/a.json"), wanted("b", "1", "/srv/e/b.json")]));
  assert.deepEqual(await look(set([], ["/srv/d"])), { ...NOTHING, removed: ["b"] });
  assert.deepEqual([...running.values()], ["a 1"]);
  assert.deepEqual([...faults], [["a", "/srv/d:1:1: it is damaged"]]);
  assert.deepEqual(await look(set([])), { ...NOTHING, removed: ["a"] });
});

Deno.test("Reloader lets no other file take over the service of a damaged one", async () => {
  const { look, running } = reloading();
  await look(set([wanted("x", "1", "b.json")]));
  assert.deepEqual(await look(set([wanted("x", "2", "a.json")], ["b.json"])), NOTHING);
  assert.equal(running.get("x"), "x 1");
  assert.deepEqual(await look(set([wanted("x", "2", "a.json")])), { ...NOTHING, replaced: ["x"] });
});

Deno.test("Reloader reports a step that failed once, keeps what was and tries again", async () => {
  const { look, running, problems } = reloading();
  await look(set([wanted("a")]));
  assert.deepEqual(await look(set([wanted("a", "broken")])), NOTHING);
  assert.deepEqual(await look(set([wanted("a", "broken")])), NOTHING);
  assert.deepEqual(problems, ['Cannot reload service "a": no such library']);
  assert.equal(running.get("a"), "a 1");
  const mended = { ...wanted("a", "broken"), definition: "a mended" };
  assert.deepEqual(await look(set([mended])), { ...NOTHING, replaced: ["a"] });
});

Deno.test("Reloader keeps everything while the manifests cannot be read", async () => {
  const { look, running, problems, state } = reloading();
  await look(set([wanted("a")]));
  state.fails = true;
  assert.deepEqual(await look(set([])), NOTHING);
  await look(set([]));
  assert.equal(running.size, 1);
  assert.deepEqual(problems, ["Cannot read the manifests: disk on fire"]);
});

Deno.test("Reloader.run() looks at every interval, tells of changes only, and ends with its signal", async () => {
  const { reloader, clock, state } = reloading();
  const done = new AbortController();
  const changes: ReloadChange[] = [];
  const running = reloader.run(done.signal, (change) => changes.push(change));
  state.manifests = set([wanted("a")]);
  for (let tick = 0; tick < 3; tick++) {
    clock.advance(2_000);
    await turn();
  }
  assert.deepEqual([state.loads, changes], [3, [{ ...NOTHING, added: ["a"] }]]);
  done.abort();
  await running;
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("Reloader.reload() never looks twice at the same time", async () => {
  const { reloader, state } = reloading();
  state.manifests = set([wanted("a")]);
  assert.deepEqual(await Promise.all([reloader.reload(), reloader.reload()]), [{ ...NOTHING, added: ["a"] }, NOTHING]);
});

Deno.test("Reloader says of a service whose file is damaged or whose step failed why, and takes that back", async () => {
  const { look, faults } = reloading();
  await look(set([wanted("a"), wanted("b")]));
  await look(set([wanted("b", "broken")], ["a.json"]));
  assert.deepEqual([...faults], [["a", "a.json:1:1: it is damaged"], ["b", "no such library"]]);
  await look(set([wanted("a"), wanted("b", "2")]));
  assert.deepEqual([...faults], []);
});

Deno.test("Reloader does nothing for a look that finds the very same, and looks sooner when it is told to", async () => {
  const { reloader, clock, state, running } = reloading();
  const done = new AbortController();
  const over = reloader.run(done.signal, () => {});
  state.manifests = { ...set([wanted("a")]), lookAgainMs: 250 };
  const times: number[] = [];
  for (let passed = 0; passed < 4_750; passed += 50) {
    const before = state.loads;
    clock.advance(50);
    await turn();
    if (state.loads > before) times.push(clock.monotonic());
    if (times.length === 2) state.manifests = set([wanted("a")]);
  }
  assert.deepEqual(times, [2_000, 2_250, 2_500, 4_500]);
  assert.equal(running.size, 1);
  done.abort();
  await over;
});

Deno.test("Reloader.run() looks when something stirs, without waiting for the interval", async () => {
  const stirs = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let turns = 0;
  const changes: ReloadChange[] = [];
  const clock = new ManualClock();
  let version = "1";
  const reloader = new Reloader<string>({
    clock,
    intervalMs: 2_000,
    report: assert.fail,
    stir: async (signal) => {
      const { promise } = stirs[turns++] ?? Promise.withResolvers<void>();
      await Promise.race([promise, new Promise((resolve) => signal.addEventListener("abort", resolve))]);
    },
    load: () => Promise.resolve(set([wanted("a", version)])),
    target: { add: () => {}, replace: () => {}, remove: () => {}, fault: () => {}, batch: (body) => body() },
  });
  const done = new AbortController();
  const over = reloader.run(done.signal, (change) => changes.push(change));
  stirs[0]?.resolve();
  await turn();
  version = "2";
  stirs[1]?.resolve();
  await turn();
  assert.deepEqual(changes, [{ ...NOTHING, added: ["a"] }, { ...NOTHING, replaced: ["a"] }]);
  done.abort();
  await over;
  assert.equal(clock.pendingTimers, 0);
});
