import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { checkStateLock, lockState, stateLockPath } from "./state_lock.ts";

async function withFolder(body: (stateFile: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "zss-lock-"));
  try {
    await body(join(folder, "below", "state.json"), join(folder, "below"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

Deno.test("lockState() lets one in, tells the next one who that is, and leaves nothing behind", async () => {
  await withFolder(async (stateFile, folder) => {
    const first = await lockState(stateFile);
    assert.equal(await readFile(stateLockPath(stateFile), "utf8"), `${process.pid}\n`);
    await assert.rejects(lockState(stateFile), {
      code: "state_in_use",
      message: `Cannot use the state file "${stateFile}": process ${process.pid} runs as this node`,
    });
    await first[Symbol.asyncDispose]();
    assert.deepEqual(await readdir(folder), []);
    await (await lockState(stateFile))[Symbol.asyncDispose]();
  });
});

Deno.test("lockState() takes a lock whose process has gone, whatever number stands in it", async () => {
  await withFolder(async (stateFile) => {
    await (await lockState(stateFile))[Symbol.asyncDispose]();
    for (const left of [`${process.ppid}\n`, "999999999\n", "no number", ""]) {
      await writeFile(stateLockPath(stateFile), left);
      await (await lockState(stateFile))[Symbol.asyncDispose]();
    }
  });
});

Deno.test("lockState() removes what a killed process had half written, and nothing else", async () => {
  await withFolder(async (stateFile, folder) => {
    await mkdir(folder, { recursive: true });
    const left = ["state.json.999999999-0123abcd.tmp", "state.json.services.999999999-0123abcd.tmp"];
    const kept = ["other.json.999999999-0123abcd.tmp", "state.json", `state.json.${process.ppid}-0123abcd.tmp`];
    for (const name of [...left, ...kept]) await writeFile(join(folder, name), "{}");
    await (await lockState(stateFile))[Symbol.asyncDispose]();
    assert.deepEqual((await readdir(folder)).sort(), kept.sort());
  });
});

Deno.test("checkStateLock() changes nothing, and is content with a lock whose process has gone", async () => {
  await withFolder(async (stateFile, folder) => {
    await checkStateLock(stateFile);
    await assert.rejects(readdir(folder));
    await mkdir(folder);
    for (const left of [`${process.ppid}\n`, "999999999\n", "no number", ""]) {
      await writeFile(stateLockPath(stateFile), left);
      await checkStateLock(stateFile);
      assert.equal(await readFile(stateLockPath(stateFile), "utf8"), left);
    }
  });
});

Deno.test("lockState() says which folder it cannot write to", async () => {
  await withFolder(async (stateFile, folder) => {
    await assert.rejects(lockState("/proc/no/state.json"), { code: "io", message: /Cannot lock the state file/ });
    await assert.rejects(readdir(folder));
    assert.ok(stateFile.startsWith(folder));
  });
});

Deno.test("lockState() takes one lock for a file and all links to it, also before there is a file", async () => {
  await withFolder(async (stateFile, folder) => {
    await mkdir(folder);
    const link = join(folder, "link.json");
    await symlink("state.json", link);
    for (const isThere of [false, true]) {
      if (isThere) await writeFile(stateFile, "{}");
      const first = await lockState(link);
      assert.equal(first.stateFile, join(await realpath(folder), "state.json"));
      await assert.rejects(lockState(stateFile), { code: "state_in_use" });
      await first[Symbol.asyncDispose]();
    }
  });
});
