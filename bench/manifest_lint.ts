/**
 * How long a check of ten thousand manifests takes, as whole processes, beside
 * the native JSON Schema validator of sourcemeta and ajv-cli on the same schema.
 *
 * The peers only validate; ours runs every rule, duplicate keys and overlapping
 * mounts included. They are installed from npm into a folder of their own when
 * the bench runs, and are no dependency of the project.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Bench, Contender, Field } from "./harness.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const FILES = 10_000;
const SOURCEMETA = "@sourcemeta/jsonschema@16.11.0";
const AJV_CLI = "ajv-cli@5.0.0";
const PEER = "sourcemeta jsonschema validate";

let folder: string | undefined;

/** Ten thousand valid manifests of about 1 KB. */
export const manifestLint: Bench = {
  name: "manifest_lint",
  unit: "ms",
  rounds: 5,
  prepare: () => Promise.resolve(prepare()),
  cleanUp() {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    folder = undefined;
    return Promise.resolve();
  },
};

function prepare(): Field | string {
  folder = mkdtempSync(join(tmpdir(), "zss-bench-"));
  const manifests = join(folder, "m");
  mkdirSync(manifests);
  let bytes = 0;
  for (let index = 0; index < FILES; index++) {
    const text = manifestText(index);
    bytes += text.length;
    writeFileSync(join(manifests, `s${String(index).padStart(5, "0")}.json`), text);
  }
  const peers = installPeers(folder);
  if (peers === undefined) return "the peers cannot be installed from npm here";
  const schema = join(ROOT, "schemas", "manifest.v1.json");
  const main = ["run", "-A", "--no-check", join(ROOT, "cli", "main.ts")];
  const lint = ["manifest", "lint", manifests];
  const contenders = [
    contender(PEER, peers.sourcemeta, ["validate", schema, manifests], /10000 passed/),
    contender("ajv-cli validate", "node", [
      ...[peers.ajv, "validate", "--spec=draft2020", "--strict=false", "-s", schema, "-d", `${manifests}/*.json`],
    ], / valid\n/),
    contender(
      "zss manifest lint (source)",
      Deno.execPath(),
      [...main, ...lint],
      /^10000 manifests checked: no problems\n$/,
    ),
  ];
  const notes = [`${FILES} manifests, ${Math.round(bytes / FILES)} bytes each`];
  const binary = process.env["ZSS_BIN"] ?? join(ROOT, "dist", "zss");
  if (existsSync(binary)) {
    contenders.push(contender("zss manifest lint (binary)", binary, lint, /^10000 manifests checked: no problems\n$/));
    notes.push(`peak memory of the executable: ${peakMegabytes(binary, lint)}`);
  } else notes.push("no executable: deno task compile, or name one in ZSS_BIN");
  notes.push(`peak memory from source: ${peakMegabytes(Deno.execPath(), [...main, ...lint])}`);
  return { contenders, peer: PEER, notes };
}

function manifestText(index: number): string {
  const id = `camera-${index}`;
  return JSON.stringify(
    {
      service_id: id,
      kind: "camera",
      version: `1.${index % 10}.0`,
      endpoints: [`/nodes/{node_id}/${id}`],
      mounts: [{ mount_id: id, mount_path: `/nodes/{node_id}/${id}` }],
      capabilities: { invoke: true, zoom: [1, 2, 4] },
      ops: { model: "namespace", style: "plan9", invoke: "control/invoke.json" },
      runtime: {
        type: "native_proc",
        executable_path: "camera-driver",
        args: ["--device", `/dev/video${index}`],
        timeout_ms: 15_000,
        supervision: { max_consecutive_failures: 3, auto_disable_on_failures: true },
      },
      permissions: { default: "deny-by-default", allow_roles: ["admin", "user"] },
      schema: {
        model: "namespace-mount",
        input: { type: "object", properties: { zoom: { type: "integer", minimum: 1 } }, required: ["zoom"] },
      },
      invoke_template: { zoom: 1 + index % 4 },
      help_md: "# Camera\n\nTakes a picture. Write a zoom level to control/invoke.json.\n",
    },
    null,
    1,
  );
}

/** Installs the peers; undefined when npm cannot. */
function installPeers(into: string): { readonly sourcemeta: string; readonly ajv: string } | undefined {
  writeFileSync(join(into, "package.json"), '{"private":true}');
  const install = ["install", "--no-save", "--no-audit", "--no-fund", "--silent", SOURCEMETA, AJV_CLI];
  if (spawnSync("npm", install, { cwd: into }).status !== 0) return undefined;
  const modules = join(into, "node_modules");
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "x86_64";
  const builds = join(modules, "@sourcemeta", "jsonschema", "build", "github-releases");
  const name = readdirSync(builds).find((file) => file.startsWith(`jsonschema-${Deno.build.os}-${arch}`));
  if (name === undefined) return undefined;
  return { sourcemeta: join(builds, name), ajv: join(modules, "ajv-cli", "dist", "index.js") };
}

/** A program that must find everything in order: nobody wins by failing. */
function contender(name: string, file: string, args: readonly string[], says: RegExp): Contender {
  const measure = () => {
    const start = performance.now();
    const { status, error, stdout, stderr } = spawnSync(file, args, { encoding: "utf8", maxBuffer: 64_000_000 });
    const took = performance.now() - start;
    if (error !== undefined) throw error;
    if (status !== 0 || !says.test(stdout + stderr)) {
      throw new Error(`Cannot measure "${name}": it ended with ${status}: ${(stderr + stdout).slice(0, 500)}`);
    }
    return took;
  };
  return { name, measure: () => Promise.resolve().then(measure) };
}

/** The most memory that a run had, read while it runs. */
function peakMegabytes(file: string, args: readonly string[]): string {
  // The shell becomes the program, whose record of itself stays until it is waited for.
  const script = '"$@" & pid=$!; peak=0; while [ -r /proc/$pid/status ]; do ' +
    "now=$(sed -n 's/^VmHWM:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$pid/status 2>/dev/null); " +
    '[ -n "$now" ] && peak=$now; sleep 0.005; [ -z "$now" ] && break; done; wait $pid; echo $peak';
  if (!existsSync("/proc/self/status")) return "not known on this system";
  const { stdout } = spawnSync("bash", ["-c", script, "bash", file, ...args], { encoding: "utf8" });
  return `${Math.round(Number(stdout.trim().split("\n").at(-1)) / 1024)} MB`;
}

/** One valid file: what most people run most of the time. */
export const manifestLintOne: Bench = {
  name: "manifest_lint_one",
  unit: "ms",
  rounds: 15,
  prepare: () => Promise.resolve(prepareOne()),
  cleanUp: () => manifestLint.cleanUp?.() ?? Promise.resolve(),
};

function prepareOne(): Field {
  folder = mkdtempSync(join(tmpdir(), "zss-bench-"));
  const hello = join(folder, "hello.ts");
  const manifest = join(folder, "camera.json");
  writeFileSync(hello, 'console.log("hello");\n');
  writeFileSync(manifest, manifestText(0));
  const peer = "deno run hello.ts";
  const source = ["run", "-A", "--no-check"];
  const says = /^1 manifest checked: no problems\n$/;
  const contenders = [
    contender(peer, Deno.execPath(), [...source, hello], /^hello\n$/),
    contender("zss manifest lint FILE (source)", Deno.execPath(), [
      ...[...source, join(ROOT, "cli", "main.ts"), "manifest", "lint", manifest],
    ], says),
  ];
  const notes: string[] = [];
  const binary = process.env["ZSS_BIN"] ?? join(ROOT, "dist", "zss");
  if (existsSync(binary)) {
    const compiled = join(folder, "hello");
    const built = spawnSync(Deno.execPath(), ["compile", "--no-check", "--quiet", "-o", compiled, hello]);
    if (built.status === 0) contenders.push(contender("compiled hello", compiled, [], /^hello\n$/));
    else notes.push("this Deno cannot compile a hello world to stand beside the executable");
    contenders.push(contender("zss manifest lint FILE (binary)", binary, ["manifest", "lint", manifest], says));
  } else notes.push("no executable: deno task compile, or name one in ZSS_BIN");
  return { contenders, peer, notes };
}
