import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { removeLeftovers } from "./leftovers.ts";

/** Beyond what any system gives a process. */
const DEAD = 999_999_999;

Deno.test("removeLeftovers() removes what the dead have left, and nothing of the living or of others", async () => {
  const folder = await mkdtemp(join(tmpdir(), "zss-leftovers-"));
  try {
    const made = [`x-${DEAD}-a`, `x-${process.pid}-b`, `x-${process.ppid}-c`, "x-d", `y-${DEAD}-e`, `x-0-f`];
    for (const name of made) await mkdir(join(folder, name, "inside"), { recursive: true });
    await writeFile(join(folder, `x-${DEAD}-file`), "left");
    const look = (unchangedMs: number) =>
      removeLeftovers({ folder, names: /^x-(\d+)-\w+$/, unchangedMs, now: Date.now() });
    await look(3_600_000);
    assert.equal((await readdir(folder)).length, made.length + 1);
    await look(0);
    const kept = [`x-${process.ppid}-c`, "x-d", `y-${DEAD}-e`, "x-0-f"];
    assert.deepEqual((await readdir(folder)).sort(), kept.sort());
    await removeLeftovers({ folder: join(folder, "none"), names: /(\d+)/, unchangedMs: 0, now: 0 });
  } finally {
    await rm(folder, { recursive: true });
  }
});
