import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadManifests } from "./load.ts";
import { MAX_MANIFEST_BYTES } from "./manifest_files.ts";
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
