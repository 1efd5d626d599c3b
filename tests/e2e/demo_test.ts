import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program, zss } from "./program.ts";

async function withTemp(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "zss-demo-test-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What stands in a folder, but for what the runtime of a compiled program keeps for itself. */
async function leftovers(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => !name.startsWith("deno-compile-"));
}

for (const args of [["demo", "--once"], ["demo", "--", "--once"]]) {
  Deno.test(`zss ${args.join(" ")} passes every step and leaves nothing behind`, () =>
    withTemp(async (folder) => {
      const { code, stdout, stderr } = await zss(args, { env: { TMPDIR: folder } });
      assert.equal(code, 0, stderr);
      for (const step of ["listening", "invited", "paired", "event", "online", "invoke", "failure", "reload"]) {
        assert.match(stdout, new RegExp(`^  ${step}\\b`, "m"));
      }
      assert.match(stdout, /all steps passed/);
      assert.deepEqual(await leftovers(folder), []);
    }));
}

Deno.test("zss demo stays up, starts a killed server again, and ends with Ctrl-C", () =>
  withTemp(async (folder) => {
    const demo = new Program(["demo"], { env: { TMPDIR: folder } });
    const [, path = ""] = await demo.printed(/--token-file (\S+)\/admin-token/);
    const { pid } = JSON.parse(await Deno.readTextFile(join(path, "ready.json"))) as { pid: number };
    Deno.kill(pid, "SIGKILL");
    await demo.printed(/the node reconnects by itself/);
    const { code, stdout } = await demo.end("SIGINT");
    assert.equal(code, 0, stdout);
    assert.deepEqual(await leftovers(folder), []);
  }));
