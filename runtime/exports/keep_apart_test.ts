import assert from "node:assert/strict";
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ZssError } from "../../control/protocol/mod.ts";
import { requireApart } from "./keep_apart.ts";

async function scene(): Promise<AsyncDisposable & { at(...names: string[]): string }> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "zss-apart-")));
  for (const name of ["work", "services.d/deep", "var", "single"]) {
    await mkdir(join(root, name), { recursive: true });
  }
  await writeFile(join(root, "single", "echo.json"), "{}");
  return { at: (...names) => join(root, ...names), [Symbol.asyncDispose]: () => rm(root, { recursive: true }) };
}

Deno.test("requireApart() refuses a writable export that holds, is or lies in what rules the node", async () => {
  await using folder = await scene();
  const own = {
    manifestDirs: [folder.at("services.d")],
    manifestFiles: [folder.at("single", "echo.json")],
    // Not there yet.
    stateFiles: [folder.at("var", "new", "state.json")],
  };
  const check = (path: string, mode?: "ro") =>
    requireApart([{ name: "work", path: folder.at(path), mode }], own).then(() => "", (error) => {
      assert.ok(error instanceof ZssError && error.code === "invalid_export" && error.hint !== undefined);
      assert.ok(error.message.startsWith(`Cannot export "work" (${folder.at(path).replace(/\/\.$/, "")}): `));
      return error.message.replace(/^.*?\): /, "").replaceAll(folder.at(), "");
    });
  assert.equal(await check("work"), "");
  assert.match(await check("var"), /^it holds the state file "\/var\/new\/state\.json"/);
  assert.match(await check("var", "ro"), /^it holds the state file/);
  assert.match(await check("services.d"), /^it is the folder of manifests "\/services\.d"/);
  assert.match(await check("services.d/deep"), /^it lies in the folder of manifests "\/services\.d"/);
  assert.match(await check("single"), /^it holds the manifest "\/single\/echo\.json"/);
  assert.deepEqual([await check("services.d", "ro"), await check("single", "ro")], ["", ""]);
});

Deno.test({
  name: "requireApart() goes by where a link stands and by where it leads to",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await scene();
    await symlink(folder.at("services.d"), folder.at("work", "manifests"));
    await symlink(folder.at("work"), folder.at("alias"));
    const export_ = (path: string) => [{ name: "e", path: folder.at(path), mode: undefined }];
    const dirs = (...manifestDirs: string[]) => ({ manifestDirs, manifestFiles: [], stateFiles: [] });
    // The name in the folder could be made to lead elsewhere.
    await assert.rejects(requireApart(export_("work"), dirs(folder.at("work", "manifests"))), /it holds the folder/);
    await assert.rejects(requireApart(export_("services.d"), dirs(folder.at("work", "manifests"))), /it is the folder/);
    await assert.rejects(requireApart(export_("alias"), dirs(folder.at("work"))), /it is the folder/);
    await requireApart(export_("var"), dirs(folder.at("work", "manifests")));
  },
});
