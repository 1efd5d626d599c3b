import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeAtomically } from "./atomic_file.ts";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "zss-atomic-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

Deno.test("writeAtomically() replaces a file, makes the folders above it and leaves nothing beside it", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a", "b", "state.json");
    await writeAtomically(path, "one");
    await writeAtomically(path, "two");
    assert.equal(await readFile(path, "utf8"), "two");
    assert.deepEqual(await readdir(join(folder, "a", "b")), ["state.json"]);
  });
});

Deno.test({
  name: "writeAtomically() keeps a secret to its owner",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await inFolder(async (folder) => {
      const path = join(folder, "state.json");
      await writeAtomically(path, "secret");
      assert.equal((await stat(path)).mode & 0o777, 0o600);
    });
  },
});

Deno.test("writeAtomically() leaves nothing behind when the file cannot be replaced", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "taken");
    await mkdir(join(path, "inside"), { recursive: true });
    await assert.rejects(writeAtomically(path, "x"));
    assert.deepEqual(await readdir(folder), ["taken"]);
  });
});

Deno.test("writeAtomically() shows the old content or the new one when the process is killed", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "state.json");
    const script = `
      import { writeAtomically } from ${JSON.stringify(new URL("./atomic_file.ts", import.meta.url).href)};
      for (let n = 0; ; n++) {
        await writeAtomically(${JSON.stringify(path)}, String(n % 10).repeat(200_000));
        console.log(n);
      }`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", "--ext=ts", "-"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(script));
    await writer.close();
    const lines = child.stdout.getReader();
    for (let seen = 0; seen < 5; seen++) await lines.read();
    child.kill("SIGKILL");
    await child.status;
    await lines.cancel();
    assert.match(await readFile(path, "utf8"), /^(\d)\1{199999}$/);
  });
});
