/**
 * Runs every driver of examples/drivers as a service would, and lints the
 * manifests that name them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { createNativeProcDriver, type InvokeResult, nativeProcConfig } from "../drivers/mod.ts";
import { currentOs, systemClock } from "../drivers/process/mod.ts";
import { readManifest } from "../mod.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const ignore = currentOs.name === "windows";

function has(program: string): boolean {
  const { PATH: path = "" } = process.env;
  return currentOs.findProgram(program, { path, cwd: ROOT }).found;
}

/** The runtime of a manifest in examples/services.d. */
function runtimeOf(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(ROOT, "examples/services.d", name), "utf8")).runtime;
}

async function run(
  runtime: Record<string, unknown>,
  payloads: readonly unknown[],
  env: Readonly<Record<string, string>> = {},
): Promise<InvokeResult[]> {
  const config = nativeProcConfig.parse({ type: "native_proc", ...runtime });
  const deps = { clock: systemClock, cwd: ROOT, env: { ...process.env, ...env } };
  const driver = createNativeProcDriver(config, deps);
  try {
    return await Promise.all(payloads.map((payload, index) =>
      driver.invoke({
        call_id: `c-${index}`,
        payload: new TextEncoder().encode(JSON.stringify(payload)),
        timeout_ms: 20_000,
        signal: new AbortController().signal,
      })
    ));
  } finally {
    await driver.close();
  }
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function answer(
  runtime: Record<string, unknown>,
  payload: unknown,
  env?: Readonly<Record<string, string>>,
): Promise<Record<string, unknown>> {
  const [result] = await run(runtime, [payload], env);
  assert.ok(result?.ok, result === undefined || result.ok ? "" : `${result.message}: ${text(result.stderr)}`);
  return JSON.parse(text(result.stdout));
}

async function complaint(
  runtime: Record<string, unknown>,
  payload: unknown,
  env?: Readonly<Record<string, string>>,
): Promise<string> {
  const [result] = await run(runtime, [payload], env);
  assert.ok(result !== undefined && !result.ok);
  assert.deepEqual([result.reason, result.exit_code], ["exit", 1]);
  return text(result.stderr).trim();
}

const payload = { text: 'grüße "zss" \\ 1', list: [1, 2.5, null] };
const typescript = (name: string) => ({
  executable_path: Deno.execPath(),
  args: ["run", "--no-check", "--no-config", `examples/drivers/${name}`],
});
const echoes: readonly (readonly [string, string, Record<string, unknown>])[] = [
  ["echo.sh", "bash", { executable_path: "examples/drivers/echo.sh" }],
  ["echo.py", "python3", { executable_path: "examples/drivers/echo.py", pool: 2 }],
  ["echo.ts", "sh", typescript("echo.ts")],
  ["echo_persistent.ts", "sh", { ...typescript("echo_persistent.ts"), mode: "persistent" }],
];
for (const [name, needs, runtime] of echoes) {
  Deno.test({
    name: `examples/drivers/${name} gives back what it gets`,
    ignore: ignore || !has(needs),
    async fn() {
      assert.deepEqual(await answer(runtime, payload), { ok: true, driver: name, echo: payload });
    },
  });
}

for (const name of ["echo.sh", "echo.py", "echo.ts", "web_search.py", "camera.py"]) {
  const needs = name.endsWith(".sh") ? "bash" : name.endsWith(".py") ? "python3" : "sh";
  Deno.test({
    name: `examples/drivers/${name} takes no input for no call`,
    ignore: ignore || !has(needs),
    fn() {
      const [file, ...args] = name.endsWith(".ts")
        ? [Deno.execPath(), ...typescript(name).args]
        : [join(ROOT, "examples/drivers", name)];
      // Throws for another code than 0.
      assert.equal(execFileSync(file, args, { cwd: ROOT, input: "", encoding: "utf8" }), "");
    },
  });
}

Deno.test({
  name: "examples/drivers/echo.c gives back what it gets",
  ignore: ignore || !has("cc"),
  async fn() {
    const folder = mkdtempSync(join(tmpdir(), "zss-example-"));
    try {
      const file = join(folder, "echo-driver");
      execFileSync("cc", ["-O2", "-Wall", "-Werror", "-o", file, join(ROOT, "examples/drivers/echo.c")]);
      const echoed = await answer({ executable_path: file }, payload);
      assert.deepEqual(echoed, { ok: true, driver: "echo-driver", echo: payload });
      assert.match(await complaint({ executable_path: file }, 1), /wants a JSON object/);
      assert.equal(execFileSync(file, { input: "", encoding: "utf8" }), "");
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "examples/drivers/echo_persistent.ts answers others while one waits",
  ignore,
  async fn() {
    const runtime = { ...typescript("echo_persistent.ts"), mode: "persistent" };
    const results = await run(runtime, [{ delay_ms: 200 }, {}, { delay_ms: 60_000 }]);
    assert.deepEqual(results.map(({ ok }) => ok), [true, true, false]);
    assert.ok((results[1]?.duration_ms ?? 0) <= (results[0]?.duration_ms ?? 0), "the second waited for the first");
    const [, , late] = results;
    assert.match(late === undefined || late.ok ? "" : late.message, /delay_ms is longer than the node waits/);
  },
});

Deno.test({
  name: "examples/drivers/web_search.py asks the endpoint and says what is wrong with it",
  ignore: ignore || !has("python3"),
  async fn() {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.url} ${request.headers.authorization ?? "-"}`);
      if (request.url?.startsWith("/broken")) response.writeHead(503).end();
      else if (request.url?.startsWith("/page")) response.end("<html>");
      else {
        const results = [1, 2, 3].map((n) => ({ title: `Ergebnis ${n} – ü`, url: `http://x/${n}`, content: "…" }));
        response.end(JSON.stringify({ results }));
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const at = (path: string) => ({ WEB_SEARCH_URL: `http://${host}${path}`, WEB_SEARCH_KEY: "k-1" });
    const runtime = runtimeOf("web-search.json");
    try {
      const found = await answer(runtime, { query: "plan 9 & ü", count: 2 }, at("/search?n={count}&q={query}"));
      assert.deepEqual(found, {
        ok: true,
        query: "plan 9 & ü",
        results: [1, 2].map((n) => ({ title: `Ergebnis ${n} – ü`, url: `http://x/${n}`, snippet: "…" })),
      });
      assert.deepEqual(asked, ["/search?n=2&q=plan%209%20%26%20%C3%BC Bearer k-1"]);
      const query = { query: "x" };
      assert.equal(await complaint(runtime, query, at("/broken")), `Cannot search: ${host} answered with HTTP 503`);
      assert.match(await complaint(runtime, query, at("/page")), /did not answer with \{"results"/);
      assert.match(await complaint(runtime, query, { WEB_SEARCH_URL: "" }), /WEB_SEARCH_URL must name the endpoint/);
      assert.match(await complaint(runtime, { count: 3 }, at("/")), /needs a "query" that is text/);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    const gone = await complaint(runtime, { query: "x" }, at("/"));
    assert.match(gone, /cannot be reached: .*refused/i);
  },
});

Deno.test({
  name: "examples/drivers/camera.py takes a picture, or says that there is no camera",
  ignore: ignore || !has("python3"),
  async fn() {
    const runtime = runtimeOf("camera.json");
    assert.equal(
      await complaint(runtime, {}, { CAMERA_DEVICE: "/dev/no-such-camera" }),
      'Cannot take a picture: there is no camera: "/dev/no-such-camera" does not exist; plug one in, or name another ' +
        "in CAMERA_DEVICE",
    );
    assert.match(await complaint(runtime, {}, { CAMERA_DEVICE: ROOT }), /is not a device$/);
    assert.match(
      await complaint(runtime, { width: 1 }, {}),
      /"width" must be a whole number from 16 to 4096: it is 1$/,
    );
    const folder = mkdtempSync(join(tmpdir(), "zss-example-"));
    try {
      const lens = join(folder, "lens");
      writeFileSync(lens, "#!/bin/sh\nprintf '\\377\\330picture'\n", { mode: 0o755 });
      const env = { CAMERA_DEVICE: "/dev/null", CAMERA_COMMAND: lens };
      const { image_base64, ...picture } = await answer(runtime, { width: 320 }, env);
      assert.deepEqual(picture, { ok: true, device: "/dev/null", width: 320, height: 480, format: "jpeg", bytes: 9 });
      assert.equal(atob(String(image_base64)), "\xff\xd8picture");
      writeFileSync(lens, "#!/bin/sh\necho 'device busy' >&2\nexit 1\n", { mode: 0o755 });
      assert.match(await complaint(runtime, {}, env), /gave no picture: device busy$/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
});

for (const name of ["echo.json", "web-search.json", "camera.json"]) {
  Deno.test(`examples/services.d/${name} has no findings`, () => {
    const file = join(ROOT, "examples/services.d", name);
    assert.deepEqual(readManifest({ file, text: readFileSync(file, "utf8") }).findings, []);
  });
}
