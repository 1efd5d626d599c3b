import assert from "node:assert/strict";
import { type Fd, wasi } from "@bjorn3/browser_wasi_shim";
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HostFolder, OpenedFiles } from "./host_folder.ts";

const FOLLOW = 1;

/** A folder with a secret beside it. */
class Scene implements Disposable {
  readonly base = realpathSync(mkdtempSync(join(tmpdir(), "zss-host-folder-")));
  readonly root = join(this.base, "inside");
  readonly files = new OpenedFiles();
  readonly folder = new HostFolder(this.root, this.root, this.files);
  readonly sub = new HostFolder(this.root, join(this.root, "sub"), this.files);

  constructor() {
    mkdirSync(join(this.root, "sub"), { recursive: true });
    mkdirSync(join(this.base, "secret"));
    writeFileSync(join(this.base, "secret", "there"), "secret");
    writeFileSync(join(this.root, "note"), "hello");
    symlinkSync("..", join(this.root, "up"));
    symlinkSync("../secret/missing", join(this.root, "dangling-out"));
    symlinkSync("dangling-out", join(this.root, "dangling-twice"));
    symlinkSync("missing", join(this.root, "dangling-in"));
    symlinkSync("../note", join(this.root, "sub", "note"));
    symlinkSync("turns", join(this.root, "turns"));
  }

  [Symbol.dispose](): void {
    this.files.closeAll();
    rmSync(this.base, { recursive: true });
  }
}

Deno.test("HostFolder tells nothing of what is outside, not even whether it is there", () => {
  using scene = new Scene();
  const outside = [
    "..",
    "../",
    "../.",
    "sub/../..",
    "../inside/note",
    "../secret/there",
    "../secret/missing",
    "../missing/../inside/note",
    "up/secret/there",
    "up/secret/missing",
    "up/missing",
    "dangling-out/more",
    "dangling-twice/more",
    "/",
    join(scene.root, "note"),
  ];
  for (const path of outside) {
    for (const flags of [0, FOLLOW]) {
      assert.equal(scene.folder.path_filestat_get(flags, path).ret, wasi.ERRNO_NOTCAPABLE, `${flags} ${path}`);
    }
    assert.equal(scene.folder.path_open(0, path, 0, 0n).ret, wasi.ERRNO_NOTCAPABLE, path);
  }
  for (const path of ["dangling-out", "dangling-twice"]) {
    assert.equal(scene.folder.path_filestat_get(FOLLOW, path).ret, wasi.ERRNO_NOTCAPABLE, path);
    assert.equal(scene.folder.path_filestat_get(0, path).filestat?.filetype, wasi.FILETYPE_SYMBOLIC_LINK, path);
  }
  assert.equal(scene.sub.path_filestat_get(0, "../..").ret, wasi.ERRNO_NOTCAPABLE);
});

Deno.test("HostFolder goes up as long as it stays inside, and says what is not there", () => {
  using scene = new Scene();
  for (const flags of [0, FOLLOW]) {
    assert.equal(scene.sub.path_filestat_get(flags, "..").filestat?.filetype, wasi.FILETYPE_DIRECTORY);
    assert.equal(scene.sub.path_filestat_get(flags, "../note").filestat?.size, 5n);
    assert.equal(scene.folder.path_filestat_get(flags, "sub/..").filestat?.filetype, wasi.FILETYPE_DIRECTORY);
    assert.equal(scene.folder.path_filestat_get(flags, ".").filestat?.filetype, wasi.FILETYPE_DIRECTORY);
    assert.equal(scene.folder.path_filestat_get(flags, "missing").ret, wasi.ERRNO_NOENT);
    assert.equal(scene.folder.path_filestat_get(flags, "sub/missing/more").ret, wasi.ERRNO_NOENT);
  }
  assert.equal(scene.folder.path_filestat_get(FOLLOW, "sub/note").filestat?.size, 5n);
  assert.equal(scene.folder.path_filestat_get(FOLLOW, "dangling-in").ret, wasi.ERRNO_NOENT);
  assert.equal(scene.folder.path_filestat_get(FOLLOW, "turns").ret, wasi.ERRNO_LOOP);
  assert.deepEqual(scene.files.refused, []);
});

Deno.test("HostFolder does not look into what has taken the place of a folder that was opened", () => {
  for (const substitute of ["link outside", "link inside", "another folder", "nothing"]) {
    using scene = new Scene();
    const { fd_obj: opened } = scene.folder.path_open(0, "sub", wasi.OFLAGS_DIRECTORY, 0n);
    assert.ok(opened !== null);
    assert.equal(opened.fd_readdir_single(2n).ret, wasi.ERRNO_SUCCESS);
    const sub = join(scene.root, "sub");
    renameSync(sub, join(scene.root, "moved"));
    if (substitute === "link outside") symlinkSync("../secret", sub);
    else if (substitute === "link inside") symlinkSync("moved", sub);
    else if (substitute === "another folder") mkdirSync(sub);
    const refusal = substitute === "nothing" ? wasi.ERRNO_NOENT : wasi.ERRNO_NOTCAPABLE;
    const folders: readonly Fd[] = [opened, scene.sub];
    for (const folder of folders) {
      assert.equal(folder.fd_readdir_single(0n).ret, refusal, substitute);
      assert.deepEqual(folder.fd_filestat_get(), { ret: refusal, filestat: null }, substitute);
      if (substitute === "link outside") {
        assert.equal(folder.path_filestat_get(FOLLOW, "there").ret, wasi.ERRNO_NOTCAPABLE);
        assert.equal(folder.path_open(0, "there", 0, 0n, 0n, 0).ret, wasi.ERRNO_NOTCAPABLE);
      }
    }
  }
});
