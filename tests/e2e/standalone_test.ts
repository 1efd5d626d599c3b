/**
 * A node without a control plane, and clients that speak to it: one as the
 * reference's own client does, frame by frame, and the commands of zss.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program, zss } from "./program.ts";
import { RawClient } from "./raw_client.ts";

type Payload = Record<string, unknown>;

/** A folder, and a node in it. */
class Scene implements AsyncDisposable {
  readonly folder: string;
  readonly #programs: Program[] = [];
  readonly #clients: RawClient[] = [];
  url = "";

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<Scene> {
    const scene = new Scene(await mkdtemp(join(tmpdir(), "zss-standalone-")));
    await mkdir(join(scene.folder, "services.d"));
    return scene;
  }

  async manifest(service_id: string, executable_path = "cat", args: string[] = []): Promise<void> {
    const manifest = { service_id, kind: "echo", runtime: { type: "native_proc", executable_path, args } };
    await writeFile(join(this.folder, "services.d", `${service_id}.json`), JSON.stringify(manifest));
  }

  async node(more: readonly string[] = [], env: Record<string, string> = {}): Promise<Program> {
    const args = ["--node-name", "lab", "--port", "0", "--services-dir", "services.d", "--state-file", "state.json"];
    const node = new Program(["node", "run", ...args, "--manifest-reload-interval-ms", "50", ...more], {
      cwd: this.folder,
      env,
    });
    this.#programs.push(node);
    const [, url = ""] = await node.printed(/zss node listening on (wss?:\/\/\S+\/v2\/fs):/);
    this.url = url;
    return node;
  }

  async sdk(): Promise<Sdk> {
    const client = await RawClient.open(this.url, undefined);
    this.#clients.push(client);
    return new Sdk(client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const program of this.#programs) await program.end("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The calls of the reference's client, in its shape. */
class Sdk {
  readonly #client: RawClient;
  #tag = 0;

  constructor(client: RawClient) {
    this.#client = client;
  }

  async frame(op: string, members: Payload = {}, payload: Payload = {}): Promise<Payload> {
    const tag = ++this.#tag;
    const text = JSON.stringify({ channel: "acheron", type: `acheron.t_fs_${op}`, tag, ...members, payload });
    return await this.#client.ask(text, (frame) => frame["tag"] === tag);
  }

  async call(op: string, members: Payload = {}, payload: Payload = {}): Promise<Payload> {
    const frame = await this.frame(op, members, payload);
    assert.equal(frame["type"], `acheron.r_fs_${op}`, JSON.stringify(frame));
    return Object(frame["payload"]);
  }

  hello(more: Payload = {}): Promise<Payload> {
    return this.frame("hello", {}, { protocol: "unified-v2-fs", proto: 2, ...more });
  }

  /** Settles with the next news of a change. */
  async news(): Promise<Payload> {
    return await this.#client.ask(
      '{"channel":"acheron","type":"acheron.t_fs_exports","tag":0}',
      (frame) => String(frame["type"]).startsWith("acheron.e_fs_"),
    );
  }

  async walk(name: string, ...path: string[]): Promise<number> {
    const { exports } = await this.call("exports") as { exports: { name: string; root: number }[] };
    let node = exports.find((each) => each.name === name)?.root;
    for (const step of path) {
      const { attr } = await this.call("lookup", { node }, { name: step }) as { attr: { id: number } };
      node = attr.id;
    }
    return node ?? -1;
  }

  async read(node: number): Promise<string> {
    const { h } = await this.call("open", { node }, { flags: 0 });
    const { data_b64 } = await this.call("read", { h }, { off: 0, len: 65_536 });
    await this.call("close", { h });
    return new TextDecoder().decode(Uint8Array.fromBase64(String(data_b64)));
  }

  async write(node: number, text: string): Promise<Payload> {
    const { h } = await this.call("open", { node }, { flags: 1 });
    const data_b64 = new TextEncoder().encode(text).toBase64();
    const answer = await this.call("write", { h }, { off: 0, data_b64 });
    await this.call("close", { h });
    return answer;
  }
}

Deno.test("a standalone node serves the reference's client: hello, lookup, getattr, readdirp, open, read, write, close", async () => {
  await using scene = await Scene.open();
  await scene.manifest("echo");
  await scene.node(["--export", "work=services.d:ro"]);
  const sdk = await scene.sdk();
  const hello = await sdk.hello();
  assert.equal(hello["type"], "acheron.r_fs_hello");
  const { node, caps } = hello["payload"] as { node: Payload; caps: Payload };
  assert.deepEqual([node["name"], caps["readdirp"], caps["max_read"]], ["lab", true, 1_048_576]);
  const { exports } = await sdk.call("exports") as { exports: Payload[] };
  assert.deepEqual(exports.map(({ name, ro, source_kind }) => [name, ro, source_kind === "namespace"]), [
    ["work", true, false],
    ["svc-echo", false, true],
  ]);
  const root = await sdk.walk("svc-echo");
  const { attr } = await sdk.call("getattr", { node: root }) as { attr: Payload };
  assert.equal(attr["k"], 2);
  const { ents, eof } = await sdk.call("readdirp", { node: root }, { cookie: 0, max: 128 }) as {
    ents: { name: string }[];
    eof: boolean;
  };
  assert.deepEqual([ents.slice(0, 2).map(({ name }) => name), eof], [[".", ".."], true]);
  assert.ok(ents.some(({ name }) => name === "result.json"));
  const answer = await sdk.write(await sdk.walk("svc-echo", "control", "invoke.json"), '{"text":"hi"}');
  assert.equal(answer["n"], 13);
  assert.equal(await sdk.read(await sdk.walk("svc-echo", "result.json")), '{"text":"hi"}');
  assert.match(await sdk.read(await sdk.walk("work", "echo.json")), /"service_id":"echo"/);
});

Deno.test("a standalone node tells every client of a change, takes new manifests, and keeps results over kill -9", async () => {
  await using scene = await Scene.open();
  await scene.manifest("echo");
  let node = await scene.node();
  const [one, other] = [await scene.sdk(), await scene.sdk()];
  await Promise.all([one.hello(), other.hello()]);
  const heard = other.news();
  await one.write(await one.walk("svc-echo", "control", "invoke.json"), '{"text":"kept"}');
  assert.match(String((await heard)["type"]), /^acheron\.e_fs_inval/);
  await scene.manifest("camera");
  await node.printed(/zss node reloaded: \+camera/);
  const { exports } = await other.call("exports") as { exports: { name: string }[] };
  assert.deepEqual(exports.map(({ name }) => name), ["svc-echo", "svc-camera"]);
  const kept = join(scene.folder, "state.json.runtime-services.json");
  while (!(await readFile(kept, "utf8").catch(() => "")).includes("kept"));
  await node.end("SIGKILL");

  node = await scene.node();
  const again = await scene.sdk();
  await again.hello();
  assert.equal(await again.read(await again.walk("svc-echo", "result.json")), '{"text":"kept"}');
});

Deno.test({
  name: "a standalone node takes its programs with it when it is killed, those that wait for a call too",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using scene = await Scene.open();
    const script = 'echo $$ >>pids; read -r payload; [ -z "$payload" ] || echo >began; exec sleep 600';
    await writeFile(
      join(scene.folder, "services.d", "waits.json"),
      JSON.stringify({
        service_id: "waits",
        kind: "echo",
        runtime: { type: "native_proc", executable_path: "sh", args: ["-c", script], pool: 2 },
      }),
    );
    const node = await scene.node();
    const pids = async () => (await readFile(join(scene.folder, "pids"), "utf8").catch(() => "")).match(/\d+\n/g) ?? [];
    while ((await pids()).length < 2);
    const client = await scene.sdk();
    await client.hello();
    void client.write(await client.walk("svc-waits", "control", "invoke.json"), '{"n":1}').catch(() => {});
    while (await readFile(join(scene.folder, "began"), "utf8").catch(() => "") === "") await client.call("exports");
    await node.end("SIGKILL");
    const left = async () => {
      const states = (await pids()).map((pid) => readFile(`/proc/${pid.trim()}/stat`, "utf8").catch(() => ") X "));
      return (await Promise.all(states)).filter((state) => !/\) [ZX] /.test(state)).length;
    };
    const until = Date.now() + 4_000;
    while (await left() > 0) assert.ok(Date.now() < until, "programs outlive the node");
  },
});

Deno.test("a standalone node with a token lets in who brings it, and the commands of zss too", async () => {
  await using scene = await Scene.open();
  await scene.manifest("echo");
  await scene.node([], { ZSS_NODE_AUTH_TOKEN: " the-token-of-the-lab\n" });
  for (const [more, word] of [[{}, "AuthMissing"], [{ auth_token: "wrong" }, "AuthFailed"]] as const) {
    const refused = await (await scene.sdk()).hello(more);
    assert.equal(refused["type"], "acheron.err_fs");
    assert.match(JSON.stringify(refused["error"]), new RegExp(`"errno":13,"message":"${word}`));
  }
  assert.equal((await (await scene.sdk()).hello({ auth_token: "the-token-of-the-lab" }))["ok"], true);
  const client = (token: string, ...args: string[]) =>
    zss(["node", "service-runtime", ...args], { env: { ZSS_URL: scene.url, ZSS_TOKEN: token } });
  const ran = await client("the-token-of-the-lab", "lab", "echo", "invoke", '{"a":1}');
  assert.deepEqual([ran.code, /result:\n\{"a":1\}/.test(ran.stdout)], [0, true], ran.stderr);
  assert.equal((await client("another-token", "lab", "echo", "status")).code, 4);
  assert.match((await client("the-token-of-the-lab", "lib", "echo", "status")).stderr, /this is node "lab"/);
});

Deno.test("a standalone node says what it is to who took it for a server, and to who forgot the server", async () => {
  await using scene = await Scene.open();
  const node = await scene.node();
  assert.match(node.stderr, /^note: this node runs standalone; to pair it with a server: --control-url/m);
  const list = await zss(["node", "list", "--url", scene.url.replace("/v2/fs", "")]);
  assert.equal(list.code, 3);
  assert.match(list.stderr, /a node without a control plane/);
  const tree = await zss(["fs", "ls", "--url", scene.url.replace("/v2/fs", "")]);
  assert.match(tree.stderr, /it is a node that stands alone[^]*zss node service-runtime/);
});

Deno.test("a standalone node writes its ready file when it listens and takes it away when it ends", async () => {
  await using scene = await Scene.open();
  const node = await scene.node(["--ready-file", "ready.json"]);
  const ready = join(scene.folder, "ready.json");
  while (!(await readFile(ready, "utf8").catch(() => "")).endsWith("\n"));
  assert.deepEqual(JSON.parse(await readFile(ready, "utf8")), { url: scene.url, pid: node.child.pid });
  assert.equal((await node.end("SIGTERM")).code, 0);
  await assert.rejects(readFile(ready), { code: "ENOENT" });
});
