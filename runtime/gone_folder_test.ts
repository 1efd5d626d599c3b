import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "../drivers/process/manual_clock.ts";
import { openServing } from "./node.ts";

Deno.test("openServing() keeps the services of a folder that is away, and lets them go when it stays away", async () => {
  const root = await mkdtemp(join(tmpdir(), "zss-gone-"));
  const dir = join(root, "services.d");
  await mkdir(dir);
  await writeFile(
    join(dir, "a.json"),
    '{"service_id":"a","kind":"a","runtime":{"type":"native_proc","executable_path":"cat"}}',
  );
  const clock = new ManualClock(1_700_000_000_000);
  const serving = await openServing({
    ...{ nodeName: "lab", exports: [], manifestFiles: [], manifestDirs: [dir], stateFile: join(root, "state.json") },
    ...{ fsService: false, reloadIntervalMs: 2_000 },
  }, {
    ...{ clock, random: () => 0, newCallId: () => "c-1", cwd: root, env: {}, version: "0.1.0", report: () => {} },
    platform: { os: "linux", arch: "x86_64", runtime_kind: "native" },
  });
  const { reloader, host } = serving;
  const state = () => {
    const [entry] = host.catalog();
    return entry === undefined ? "gone" : Object.hasOwn(entry.runtime, "reload_error") ? "kept" : "as declared";
  };
  try {
    await reloader.reload();
    assert.equal(state(), "as declared");
    await rm(dir, { recursive: true });
    await reloader.reload();
    clock.advance(1_000);
    await reloader.reload();
    assert.equal(state(), "kept");
    clock.advance(300_000);
    await reloader.reload();
    assert.equal(state(), "gone");
  } finally {
    await serving.close();
    await rm(root, { recursive: true });
  }
});
