import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ManualClock } from "../../drivers/process/manual_clock.ts";
import { FolderWatch } from "./watch.ts";

/** A watch over `<folder>/services.d`, which is not there yet. */
async function withWatch(
  body: (scene: {
    readonly dir: string;
    readonly problems: string[];
    /** Begins to wait for the next stir; lets time go by until it has come. */
    readonly stirs: () => { readonly come: () => Promise<void>; readonly end: () => Promise<boolean> };
  }) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "zss-watch-"));
  const clock = new ManualClock();
  const problems: string[] = [];
  const dir = join(folder, "services.d");
  const watch = new FolderWatch({
    dirs: [dir],
    files: [join(folder, "single.conf")],
    isWanted: (name) => name.endsWith(".json"),
    clock,
    report: (problem) => problems.push(problem),
  });
  const stirs = () => {
    const stop = new AbortController();
    let isOver = false;
    const next = watch.next(stop.signal).then(() => isOver = true);
    return {
      come: async () => {
        while (!isOver) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          clock.advance(30);
        }
        await next;
      },
      /** Whether it had come before somebody ended the wait. */
      end: async () => {
        const had = isOver;
        stop.abort();
        await next;
        return had;
      },
    };
  };
  try {
    await body({ dir, problems, stirs });
  } finally {
    watch[Symbol.dispose]();
    await rm(folder, { recursive: true });
  }
}

Deno.test("FolderWatch stirs for a manifest that is written, renamed over and removed", async () => {
  await withWatch(async ({ dir, stirs, problems }) => {
    await mkdir(dir);
    const file = join(dir, "a.json");
    for (
      const change of [
        () => writeFile(file, "{}"),
        async () => {
          await writeFile(join(dir, "a.tmp"), "{ }");
          await rename(join(dir, "a.tmp"), file);
        },
        () => rm(file),
      ]
    ) {
      const { come } = stirs();
      await change();
      await come();
    }
    assert.deepEqual(problems, []);
  });
});

Deno.test("FolderWatch does not stir for what is read, nor for files that are no manifests", async () => {
  await withWatch(async ({ dir, stirs }) => {
    await mkdir(dir);
    await writeFile(join(dir, "a.json"), "{}");
    const quiet = stirs();
    await readFile(join(dir, "a.json"));
    await writeFile(join(dir, "note.txt"), "");
    // A change that counts comes after those that do not, so that they had their time.
    const later = stirs();
    await writeFile(join(dir, "b.json"), "{}");
    await later.come();
    await quiet.end();
    const none = stirs();
    await readFile(join(dir, "a.json"));
    assert.equal(await none.end(), false);
  });
});

Deno.test("FolderWatch finds a folder that comes later, and another one under the same name, at the next wait", async () => {
  await withWatch(async ({ dir, stirs }) => {
    assert.equal(await stirs().end(), false);
    for (let round = 0; round < 2; round++) {
      await mkdir(dir);
      const waiting = stirs();
      await writeFile(join(dir, "a.json"), "{}");
      await waiting.come();
      await rm(dir, { recursive: true });
    }
  });
});

Deno.test("FolderWatch stirs for a single file whose name is no manifest's", async () => {
  await withWatch(async ({ dir, stirs }) => {
    const { come } = stirs();
    await writeFile(join(dir, "..", "single.conf"), "{}");
    await come();
  });
});

Deno.test("FolderWatch remembers no wait that is over", async () => {
  await withWatch(async ({ dir, stirs }) => {
    await mkdir(dir);
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    const rounds = async () => {
      for (let round = 0; round < 4_000; round++) await stirs().end();
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = await rounds();
    assert(await rounds() - before < 600_000);
  });
});
