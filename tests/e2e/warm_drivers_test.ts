/**
 * Shared libraries and WebAssembly modules as services of a node.
 *
 * @module
 */

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildLibrary, buildModule, noLibraries, noModules, pathOf } from "../../drivers/c_fixture_test.ts";
import { Scene } from "./program.ts";

const reason = noLibraries ?? noModules;
const ignore = reason !== undefined;
const why = ignore ? ` (ignored: ${reason})` : "";

/** Builds the examples and the test drivers in the folder of a scene, and writes their manifests. */
function prepare(scene: Scene): string {
  const drivers = join(scene.folder, "examples", "drivers");
  const services = join(scene.folder, "services.d");
  for (const folder of [drivers, services]) mkdirSync(folder, { recursive: true });
  buildLibrary("examples/drivers/echo_inproc.c", join(drivers, "echo_inproc.so"));
  buildModule("examples/drivers/echo_wasm.c", join(drivers, "echo_wasm.wasm"));
  buildLibrary("testdata/drivers/library.c", join(drivers, "library.so"));
  buildModule("testdata/drivers/module.c", join(drivers, "module.wasm"));
  for (const name of ["echo-inproc.json", "echo-wasm.json"]) {
    copyFileSync(pathOf(`examples/services.d/${name}`), join(services, name));
  }
  const library = (symbol: string, more = {}) => ({
    ...{ type: "native_inproc", library_path: "examples/drivers/library.so", invoke_symbol: symbol },
    ...more,
  });
  const module = (what: string, more = {}) => ({
    ...{ type: "wasm", module_path: "examples/drivers/module.wasm", args: [what] },
    ...more,
  });
  const runtimes = {
    "lib-crashes": library("crashes"),
    "lib-exits": library("exits"),
    "lib-loops": library("loops", { timeout_ms: 600 }),
    "lib-loops-long": library("loops", { timeout_ms: 60_000 }),
    "mod-loops": module("loops", { timeout_ms: 600 }),
    "mod-loops-long": module("loops", { timeout_ms: 60_000 }),
    "mod-grows": module("grows", { max_memory_bytes: 33_554_432 }),
    "mod-outside": module("shows", { args: ["shows", "/etc/passwd"] }),
  };
  for (const [service_id, runtime] of Object.entries(runtimes)) {
    writeFileSync(join(services, `${service_id}.json`), JSON.stringify({ service_id, kind: "test", runtime }));
  }
  return services;
}

Deno.test({
  name: `zss node run --allow-inproc serves libraries and modules, and goes on when they misbehave${why}`,
  ignore,
  async fn() {
    await using scene = await Scene.open();
    const node = await scene.startNode("--services-dir", prepare(scene), "--allow-inproc");
    await node.printed(/zss node online: 11 services/);
    const invoke = (service: string) => scene.client("node", "service-runtime", "node-1", service, "invoke", '{"a":1}');
    const echoes = async () => {
      for (const service of ["echo-inproc", "echo-wasm"]) {
        const { code, stdout } = await invoke(service);
        assert.equal(code, 0, stdout);
        assert.match(stdout, /\{"a":1\}/);
      }
    };
    await echoes();
    const failures: readonly (readonly [string, RegExp])[] = [
      ["lib-crashes", /was ended by SIGSEGV after \d+ ms: it crashed its helper/],
      ["lib-exits", /ended its helper with code 7/],
      ["lib-loops", /terminated after timeout_ms/],
      ["mod-loops", /terminated after timeout_ms/],
      ["mod-grows", /out of memory after \d\d MiB/],
      ["mod-outside", /\/etc\/passwd/],
    ];
    const ended = await Promise.all(failures.map(([service]) => invoke(service)));
    failures.forEach(([service, message], index) => {
      assert.equal(ended[index]?.code, 6, `${service}: ${ended[index]?.stdout} ${ended[index]?.stderr}`);
      assert.match(ended[index]?.stdout ?? "", message, service);
    });
    await echoes();
    assert.equal((await node.end("SIGTERM")).code, 0);
    if (Deno.build.os === "linux") await gone(scene.folder);
  },
});

Deno.test({
  name: `zss node run without --allow-inproc loads no library and says which flag is missing${why}`,
  ignore,
  async fn() {
    await using scene = await Scene.open();
    const node = await scene.startNode("--services-dir", prepare(scene));
    await node.printed(/zss node online: 11 services/);
    const { code, stdout } = await scene.client("node", "service-runtime", "node-1", "echo-inproc", "invoke", "{}");
    assert.equal(code, 6);
    assert.match(stdout, /this node loads no libraries; start it with --allow-inproc/);
    const module = await scene.client("node", "service-runtime", "node-1", "echo-wasm", "invoke", "{}");
    assert.equal(module.code, 0, module.stdout);
  },
});

Deno.test({
  name: `zss node run that is killed leaves no helper behind, not even a busy one${why}`,
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    await using scene = await Scene.open();
    const node = await scene.startNode(
      ...["--services-dir", prepare(scene), "--allow-inproc", "--invoke-answer-ms", "100"],
    );
    await node.printed(/zss node online: 11 services/);
    for (const service of ["lib-loops-long", "mod-loops-long"]) {
      const { stdout } = await scene.client("node", "service-runtime", "node-1", service, "invoke", "{}");
      assert.match(stdout, /"state":"running"/);
    }
    await until(() => helpers(scene.folder).length === 2, "two helpers");
    await node.end("SIGKILL");
    await gone(scene.folder);
  },
});

/** Pids of living helpers whose file is in a folder. */
function helpers(folder: string): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).filter((pid) => {
    try {
      const isDead = /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
      return !isDead && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`serve\0${folder}`);
    } catch {
      // It ended between the listing and the reading.
      return false;
    }
  });
}

function gone(folder: string): Promise<void> {
  return until(() => helpers(folder).length === 0, "no helper");
}

/** Looks again and again, since there is no event to wait for. */
async function until(isSo: () => boolean, wanted: string): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    assert.ok(tries < 1_000, `expected ${wanted}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
