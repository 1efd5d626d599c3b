import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FOLDER_GRACE_MS, loadManifests, ManifestSet, SETTLE_MS } from "./load.ts";
import { MAX_MANIFEST_BYTES } from "./manifest_files.ts";
import { toDescriptor } from "./schema.ts";
import { builtInMembers } from "./set_member.ts";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "zss-load-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const service = (id: string) => JSON.stringify({ service_id: id, kind: "x" });
const reserved = builtInMembers("node-1");

Deno.test("loadManifests() reads folders sorted by name, follows links to files and names every bad file", () =>
  inFolder(async (folder) => {
    const dir = join(folder, "services.d");
    await mkdir(join(dir, "sub.json"), { recursive: true });
    await Promise.all([
      writeFile(join(dir, "b.json"), service("b")),
      writeFile(join(dir, "a.jsonc"), `${service("a")} // first`),
      writeFile(join(dir, "bad.json"), "{"),
      writeFile(join(dir, "off.json"), '{"enabled":false}'),
      writeFile(join(dir, "note.txt"), "no manifest"),
      writeFile(join(dir, "latin.json"), new Uint8Array([0x7b, 0xe9, 0x7d])),
      writeFile(join(folder, "elsewhere"), service("c")),
      symlink(join(folder, "elsewhere"), join(dir, "c.json")),
    ]);
    const loaded = loadManifests({ files: [], dirs: [dir], nodeId: "node-1", reserved });
    assert.deepEqual(loaded.services.map(({ service }) => service.service_id), ["a", "b", "c"]);
    assert.deepEqual(loaded.disabled, [join(dir, "off.json")]);
    assert.deepEqual(loaded.findings.map(({ file, rule }) => [file, rule]), [
      [join(dir, "bad.json"), "syntax"],
      [join(dir, "latin.json"), "unreadable"],
    ]);
  }));

Deno.test("loadManifests() refuses an id that is taken and says by whom", () =>
  inFolder(async (folder) => {
    const file = async (name: string, id: string) => {
      await writeFile(join(folder, name), service(id));
      return join(folder, name);
    };
    const files = [await file("one.json", "camera"), await file("two.json", "camera"), await file("three.json", "fs")];
    const { services, findings } = loadManifests({ files, dirs: [], nodeId: "node-1", reserved });
    assert.deepEqual(services.map(({ file }) => file), [files[0]]);
    assert.deepEqual(findings.map(({ message }) => message), [
      `service_id "camera" is taken by "${files[0]}"`,
      'service_id "fs" is taken by the built-in fs service',
    ]);
  }));

Deno.test("loadManifests() puts the id of the node into endpoints and mount paths only", () =>
  inFolder(async (folder) => {
    const path = join(folder, "m.json");
    const manifest = {
      service_id: "echo",
      kind: "echo",
      endpoints: ["/nodes/{node_id}/echo"],
      mounts: [{ mount_id: "m", mount_path: "/nodes/{node_id}/m" }],
      help_md: "of {node_id}",
    };
    await writeFile(path, JSON.stringify(manifest));
    const { services } = loadManifests({ files: [path], dirs: [], nodeId: "node-7", reserved });
    const [loaded] = services;
    assert.deepEqual(loaded?.service.endpoints, ["/nodes/node-7/echo"]);
    assert.deepEqual(loaded?.service.mounts, [{ mount_id: "m", mount_path: "/nodes/node-7/m", state: "online" }]);
    assert.equal(loaded?.service.help_md, "of {node_id}");
  }));

Deno.test("loadManifests() does not read what is too large, and says so for what is not there", () =>
  inFolder(async (folder) => {
    const large = join(folder, "large.json");
    await writeFile(large, " ".repeat(MAX_MANIFEST_BYTES + 1));
    const { findings } = loadManifests({
      files: [large, join(folder, "no.json")],
      dirs: [join(folder, "no.d")],
      nodeId: "n",
      reserved,
    });
    assert.deepEqual(findings.map(({ rule }) => rule), ["unreadable", "unreadable", "unreadable"]);
    assert.match(findings.map(({ message }) => message).join("\n"), /more than 262144/);
  }));

/** A set over a folder, and a time that the test moves; files seem to be written at that time. */
async function loading(folder: string) {
  const time = { now: 1_700_000_000_000, jumped: 0 };
  const set = new ManifestSet({ now: () => time.now + time.jumped, monotonic: () => time.now - 1_600_000_000_000 });
  const write = async (name: string, text: string) => {
    const file = join(folder, name);
    await writeFile(file, text);
    await utimes(file, time.now / 1_000, time.now / 1_000);
  };
  const load = () => set.load({ files: [], dirs: [folder], nodeId: "node-1", reserved });
  const ids = () => load().services.map(({ service }) => service.service_id);
  await write("a.json", service("a"));
  await write("b.json", service("b"));
  return { time, write, load, ids, set };
}

Deno.test("ManifestSet gives the same object while nothing is different, and reads a changed file alone", () =>
  inFolder(async (folder) => {
    const { time, write, load } = await loading(folder);
    const first = load();
    assert.equal(load(), first);
    time.now += 10_000;
    assert.equal(load(), first);
    await write("a.json", service("a"));
    assert.equal(load(), first, "written anew and the same");
    await write("b.json", service("b2"));
    const second = load();
    assert.notEqual(second, first);
    assert.equal(second.services[0], second.services.find(({ file }) => file.endsWith("a.json")));
    assert.equal(second.services[0]?.service, first.services[0]?.service, "not read again");
    assert.equal(second.services[1]?.service.service_id, "b2");
  }));

Deno.test("ManifestSet takes a folder for gone when it has been away for 5 minutes, and not before", () =>
  inFolder(async (folder) => {
    const dir = join(folder, "services.d");
    await mkdir(dir);
    const { time, load, write } = await loading(dir);
    assert.deepEqual([load().goneFolders, load().services.length], [[], 2]);
    await rm(dir, { recursive: true });
    const isDamaged = () => load().findings.some(({ file, message }) => file === dir && /cannot be read/.test(message));
    assert.deepEqual([load().goneFolders, isDamaged()], [[], true]);
    time.jumped += 10 * FOLDER_GRACE_MS;
    assert.deepEqual([load().goneFolders, isDamaged()], [[], true], "the wall clock was set");
    time.now += FOLDER_GRACE_MS - 1;
    assert.deepEqual([load().goneFolders, isDamaged()], [[], true]);
    time.now += 1;
    assert.deepEqual([load().goneFolders, isDamaged(), load().services], [[dir], false, []]);
    assert.deepEqual(load().findings.map(({ message }) => message), ["is not there, so it defines no service"]);
    await mkdir(dir);
    await write("a.json", service("a"));
    assert.deepEqual([load().goneFolders, load().findings, load().services.length], [[], [], 1]);
    await rm(dir, { recursive: true });
    time.now += FOLDER_GRACE_MS;
    assert.deepEqual(load().goneFolders, [], "the time begins anew");
  }));

Deno.test("ManifestSet never takes a folder for gone that may come back by itself", () =>
  inFolder(async (folder) => {
    const away = join(folder, "mount", "services.d");
    const link = join(folder, "link.d");
    await symlink(join(folder, "elsewhere"), link);
    const dirs = [away, link];
    if (Deno.build.os !== "windows" && Deno.uid() !== 0) {
      const closed = join(folder, "closed.d");
      await mkdir(closed, { mode: 0 });
      dirs.push(closed);
    }
    const time = { now: 0 };
    const set = new ManifestSet({ now: () => time.now, monotonic: () => time.now });
    const load = () => set.load({ files: [], dirs, nodeId: "n", reserved });
    load();
    time.now += 10 * FOLDER_GRACE_MS;
    assert.deepEqual([load().goneFolders, load().findings.length], [[], dirs.length]);
  }));

Deno.test("ManifestSet sees a file that was written twice within one moment of its clock, with the same size", () =>
  inFolder(async (folder) => {
    const { write, ids } = await loading(folder);
    assert.deepEqual(ids(), ["a", "b"]);
    await write("a.json", service("x"));
    assert.deepEqual(ids(), ["x", "b"]);
  }));

Deno.test("ManifestSet takes half a file for the one before until a moment has gone by", () =>
  inFolder(async (folder) => {
    const { time, write, load, ids } = await loading(folder);
    load();
    time.now += 10_000;
    await write("a.json", '{"service_id":');
    assert.deepEqual([load().isUnsettled, load().findings, ids()], [true, [], ["a", "b"]]);
    time.now += SETTLE_MS - 1;
    assert.equal(load().findings.length, 0);
    await write("a.json", service("a2"));
    assert.deepEqual([load().isUnsettled, ids()], [false, ["a2", "b"]]);
    await write("b.json", "{");
    assert.equal(load().findings.length, 0);
    time.now += SETTLE_MS;
    assert.deepEqual(load().findings.map(({ rule }) => rule), ["syntax"]);
    assert.deepEqual([load().isUnsettled, ids()], [false, ["a2"]]);
  }));

Deno.test("ManifestSet takes a file that an editor puts aside for a moment as if it had stayed", () =>
  inFolder(async (folder) => {
    const { time, write, load, ids } = await loading(folder);
    const first = load();
    time.now += 10_000;
    await rename(join(folder, "b.json"), join(folder, "b.json~"));
    assert.deepEqual([load().isUnsettled, ids()], [true, ["a", "b"]]);
    await rename(join(folder, "b.json~"), join(folder, "b.json"));
    assert.deepEqual(load().services, first.services);
    await rm(join(folder, "b.json"));
    assert.deepEqual(ids(), ["a", "b"]);
    time.now += SETTLE_MS;
    assert.deepEqual([load().isUnsettled, ids()], [false, ["a"]]);
    await write("b.json", service("b"));
    assert.deepEqual(ids(), ["a", "b"]);
  }));

Deno.test("ManifestSet follows a link to another file, and finds a folder that comes later", () =>
  inFolder(async (folder) => {
    const dir = join(folder, "services.d");
    const set = new ManifestSet({ now: () => 1_700_000_000_000, monotonic: () => 0 });
    const load = () => set.load({ files: [], dirs: [dir], nodeId: "node-1", reserved });
    assert.match(load().findings[0]?.message ?? "", /cannot be read/);
    await mkdir(dir);
    for (const id of ["one", "two"]) await writeFile(join(folder, id), service(id));
    await symlink(join(folder, "one"), join(dir, "s.json"));
    assert.deepEqual(load().services.map((each) => each.service.service_id), ["one"]);
    await symlink(join(folder, "two"), join(dir, "next"));
    await rename(join(dir, "next"), join(dir, "s.json"));
    assert.deepEqual(load().services.map((each) => each.service.service_id), ["two"]);
  }));

Deno.test("loads extra services from manifest file", () =>
  inFolder(async (folder) => {
    const file = join(folder, "extra.json");
    const path = "/nodes/{node_id}/camera";
    await writeFile(
      file,
      JSON.stringify({
        service_id: "camera-main",
        kind: "camera",
        endpoints: [path],
        mounts: [{ mount_id: "camera", mount_path: path }],
      }),
    );
    const { services } = loadManifests({ files: [file], dirs: [], nodeId: "node-9", reserved });
    const [entry] = services.map(({ service }) => toDescriptor(service));
    assert.deepEqual(entry?.endpoints, ["/nodes/node-9/camera"]);
    assert.deepEqual(entry?.mounts, [{ mount_id: "camera", mount_path: "/nodes/node-9/camera", state: "online" }]);
  }));

Deno.test("runtime validator accepts declarative runtime metadata", () =>
  inFolder(async (folder) => {
    for (const type of ["native_proc", "native_inproc", "wasm", "builtin"]) {
      await writeFile(join(folder, `${type}.json`), JSON.stringify({ service_id: type, kind: "x", runtime: { type } }));
    }
    const { services, findings } = loadManifests({ files: [], dirs: [folder], nodeId: "node-1", reserved });
    assert.deepEqual([services.length, findings.filter(({ severity }) => severity === "error")], [4, []]);
  }));

Deno.test("runtime validator rejects unknown runtime type", () =>
  inFolder(async (folder) => {
    await writeFile(join(folder, "a.json"), '{"service_id":"a","kind":"x","runtime":{"type":"docker"}}');
    const { services, findings } = loadManifests({ files: [], dirs: [folder], nodeId: "node-1", reserved });
    assert.equal(services.length, 0);
    assert.match(findings[0]?.message ?? "", /runtime\.type.*docker/);
  }));
