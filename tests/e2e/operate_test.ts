import assert from "node:assert/strict";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Scene, zss } from "./program.ts";

async function manifests(scene: Scene, services: Record<string, unknown>): Promise<string> {
  const dir = join(scene.folder, "services.d");
  await mkdir(dir, { recursive: true });
  await Promise.all(
    Object.entries(services).map(([name, service]) => writeFile(join(dir, name), JSON.stringify(service))),
  );
  return dir;
}

const echo = {
  service_id: "echo",
  kind: "echo",
  runtime: { type: "native_proc", executable_path: "zss", args: ["driver", "echo"] },
  invoke_template: { text: "from the template" },
};

const failing = {
  service_id: "failing",
  kind: "fail",
  runtime: { type: "native_proc", executable_path: "zss", args: ["driver", "fail"] },
};

const ghost = {
  service_id: "ghost",
  kind: "ghost",
  runtime: { type: "native_proc", executable_path: "no-such-driver" },
};

Deno.test("zss node list, info, service-get and service-runtime show and operate a paired node", async () => {
  await using scene = await Scene.open();
  const dir = await manifests(scene, { "echo.json": echo, "failing.json": failing, "ghost.json": ghost });
  const node = await scene.startNode("--services-dir", dir, "--label", "site=hq");
  await node.printed(/zss node online: 4 services/);

  const list = await scene.client("node", "list");
  assert.match(list.stdout, /^node-1 +edge +online +\S+\/\S+ +4 /m);
  assert.equal((await scene.client("node", "list", "-o", "name")).stdout, "node-1\n");
  const info = JSON.parse((await scene.client("node", "info", "node-1", "--json")).stdout);
  assert.deepEqual([info.node_name, info.labels, info.state], ["edge", { site: "hq" }, "online"]);
  assert.equal(
    (await scene.client("node", "service-get", "node-1", "-o", "name")).stdout,
    "fs\necho\nfailing\nghost\n",
  );

  const invoked = await scene.client(
    "node",
    "service-runtime",
    "node-1",
    "echo",
    "invoke",
    '{"text":"hello"}',
    "--json",
  );
  assert.equal(invoked.code, 0, invoked.stderr);
  const answer = JSON.parse(invoked.stdout);
  assert.deepEqual([answer.status.state, answer.result.echo], ["ok", { text: "hello" }]);
  assert.match(answer.call.call_id, /^c-[0-9a-f]{16}$/);
  assert.equal(answer.status.call_id, answer.call.call_id);

  const template = await scene.client("node", "service-runtime", "node-1", "echo", "invoke");
  assert.match(template.stdout, /from the template/);

  const failed = await scene.client("node", "service-runtime", "node-1", "failing", "invoke", '{"message":"no film"}');
  assert.equal(failed.code, 6);
  assert.match(failed.stdout, /last_error:\n.*no film/);

  const missing = await scene.client("node", "service-runtime", "node-1", "ghost", "invoke", "{}");
  assert.equal(missing.code, 6);
  assert.match(missing.stdout, /"state":"error"/);
  assert.match(missing.stdout, /Cannot start "no-such-driver"/);
  assert.match((await scene.client("node", "list")).stdout, / \d+ \(\d not online\) /);
  const shown = await scene.client("node", "service-get", "node-1");
  assert.match(shown.stdout, /- ghost .* state=degraded\n {6}degraded: Cannot start "no-such-driver"/, shown.stdout);
  assert.doesNotMatch(shown.stdout, /^State: /m);
  assert.match((await scene.client("node", "service-runtime", "node-1", "echo", "health")).stdout, /"state":"online"/);

  assert.match((await scene.client("node", "service-runtime", "node-1", "echo", "disable")).stdout, /"enabled":false/);
  const denied = await scene.client("node", "service-runtime", "node-1", "echo", "invoke", "{}");
  assert.equal(denied.code, 1);
  assert.match(denied.stderr, /service invoke denied.*\n {2}hint: .* echo enable switches it on \[service_disabled\]/);
});

Deno.test("zss node list, info and service-get say which services go on as they were, and why", async () => {
  await using scene = await Scene.open();
  const services = await manifests(scene, { "echo.json": echo });
  await (await scene.startNode("--services-dir", services)).printed(/zss node online/);
  assert.doesNotMatch((await scene.client("node", "list")).stdout, /not reloaded/);
  const watch = scene.start(["node", "watch"], scene.env);
  await watch.printed(/watching all nodes/);
  await writeFile(join(services, "echo.json"), "{");
  await watch.printed(/echo: runtime\/reload_error \(none\) → /);
  assert.match((await scene.client("node", "list")).stdout, / 2 \(1 not reloaded\) /);
  assert.match((await scene.client("node", "info", "node-1")).stdout, /^not_reloaded_count +1$/m);
  const { stdout } = await scene.client("node", "service-get", "node-1");
  assert.match(stdout, /- echo kind=echo version=1 state=online\n {6}not reloaded: .*echo\.json:1:\d+: /, stdout);
  await writeFile(join(services, "echo.json"), JSON.stringify(echo));
  await watch.printed(/echo: runtime\/reload_error .* → \(none\)/);
  assert.doesNotMatch((await scene.client("node", "list")).stdout, /not reloaded/);
  await watch.end("SIGINT");
});

Deno.test("zss takes the name of a node for its id, unless several have it", async () => {
  await using scene = await Scene.open();
  const work = join(scene.folder, "work");
  await mkdir(work);
  await writeFile(join(work, "a.txt"), "alpha\n");
  const services = await manifests(scene, { "echo.json": echo });
  await (await scene.startNode("--export", `work=${work}:rw`, "--services-dir", services)).printed(/zss node online/);
  for (
    const [args, says] of [
      [["node", "info", "edge"], /^node_id +node-1$/m],
      [["node", "service-get", "edge"], /^Node node-1 \(edge\)$/m],
      [["node", "service-runtime", "edge", "echo", "status"], /"state":"idle"/],
      [["node", "events", "list", "edge"], /join +node-1/],
      [["node", "events", "export", "--node", "edge"], /"kind":"join"/],
      [["node", "watch", "edge", "--until", "online"], /state=online/],
      [["fs", "read", "/nodes/edge/fs/work/a.txt"], /^alpha$/m],
      [["fs", "cp", ":/nodes/edge/fs/work/a.txt", ":/nodes/edge/fs/work/b.txt"], /copied 1 file/],
      [["explain", "visibility", "/nodes/edge/fs"], /^\/nodes\/node-1\/fs is visible/],
      [["project", "up", "site", "--mount", "/src=edge:work"], /./],
      [["workspace", "status", "proj-1"], /online +node-1 +work/],
    ] as const
  ) {
    const { code, stdout, stderr } = await scene.client(...args);
    assert.deepEqual([args, code, says.test(stdout)], [args, 0, true], stdout + stderr);
  }
  // To ask by name is no attempt at something else.
  assert.doesNotMatch((await scene.client("server", "audit", "tail")).stdout, /edge|node_not_found|NodeNotFound/);
  const unknown = await scene.client("node", "info", "egde");
  assert.deepEqual(
    [unknown.code, /hint: the nodes are node-1 \(edge\)/.test(unknown.stderr)],
    [1, true],
    unknown.stderr,
  );
  await (await scene.startNodeWith(join(scene.folder, "second.json"))).printed(/zss node online/);
  for (const args of [["node", "delete", "edge"], ["fs", "ls", "/nodes/edge"], ["node", "watch", "edge"]]) {
    const { code, stderr } = await scene.client(...args);
    assert.deepEqual(
      [args, code, /2 nodes are called so\n {2}hint: .*node-1, node-2/.test(stderr)],
      [args, 2, true],
      stderr,
    );
  }
  assert.equal((await scene.client("node", "delete", "node-2")).code, 0);
});

Deno.test("zss node service-runtime takes a payload from a file or standard input, and waits for a long run", async () => {
  await using scene = await Scene.open();
  const sleeping = { ...echo, service_id: "nap", runtime: { ...echo.runtime, args: ["driver", "sleep"] } };
  const dir = await manifests(scene, { "echo.json": echo, "nap.json": sleeping });
  await (await scene.startNode("--services-dir", dir, "--invoke-answer-ms", "100")).printed(/online: 3 services/);
  const runtime = (...more: string[]) => scene.client("node", "service-runtime", "node-1", ...more);
  await writeFile(join(scene.folder, "job.json"), '{"job":1}');
  assert.match((await runtime("echo", "invoke", "@job.json", "--wait")).stdout, /"echo":\{"job":1\}/);
  const piped = await zss(["node", "service-runtime", "node-1", "echo", "invoke", "-", "--wait"], {
    env: scene.env,
    stdin: '{"piped":true}',
  });
  assert.match(piped.stdout, /"echo":\{"piped":true\}/);
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["echo", "invoke", "@gone.json"], /payload cannot be read from "gone.json"/],
    [["echo", "invoke", "[]"], /the payload must be a JSON object/],
    [["echo", "status", "{}"], /Cannot run status: it takes no payload/],
    [["echo", "status", "--wait"], /only an invoke is waited for/],
    [["echo", "invoke", "{}", "--timeout", "5"], /Cannot use --timeout alone/],
  ];
  for (const [args, message] of cases) {
    const refused = await runtime(...args);
    assert.deepEqual([refused.code, message.test(refused.stderr)], [2, true], refused.stderr);
  }
  const early = await runtime("nap", "invoke", '{"sleep_ms":1500}');
  assert.deepEqual([early.code, /"state":"running"/.test(early.stdout)], [0, true]);
  assert.match(early.stderr, /still running; calls\/c-[0-9a-f]+\/status.json/);
  assert.equal((await runtime("nap", "invoke", '{"sleep_ms":1500}', "--wait", "--timeout", "50")).code, 124);
  const whole = await runtime("nap", "invoke", '{"sleep_ms":400}', "--wait");
  assert.deepEqual([whole.code, /"state":"ok"/.test(whole.stdout)], [0, true]);
});

Deno.test("zss node watch prints one line per event, what changed below it, and ends with Ctrl-C", async () => {
  await using scene = await Scene.open();
  const watch = scene.start(["node", "watch"], scene.env);
  await watch.printed(/watching all nodes \(replay_limit=25, Ctrl\+C to stop\)/);
  const json = scene.start(["node", "watch", "node-1", "--replay-limit=3", "--json", "--changed-only"], scene.env);
  await json.printed(/watching node node-1 \(replay_limit=3/);
  const dir = await manifests(scene, { "echo.json": echo });
  await scene.startNode("--services-dir", dir);
  await watch.printed(/^node_service_event node=node-1 changed=false .* kind=join at=\S+:1$/m);
  await watch.printed(
    /^node_service_event node=node-1 changed=true added=2 updated=0 removed=0 ts_ms=\d+ at=\S+\n {2}\+ echo 1\n {2}\+ fs 1$/m,
  );
  await manifests(scene, { "echo.json": { ...echo, version: "2" } });
  await watch.printed(/changed=true added=0 updated=1 removed=0 ts_ms=\d+ at=\S+\n {2}~ echo: version 1 → 2$/m);
  await json.printed(/"previous_version":"1"/);
  assert.equal((await watch.end("SIGINT")).code, 130);
  const lines = (await json.end("SIGINT")).stdout.trim().split("\n").map((line) => JSON.parse(line));
  const events = lines.filter(({ event }) => event !== undefined);
  assert.deepEqual(events.map(({ event }) => [event.kind, event.revision, event.replay]), [
    ["upsert", 2, false],
    ["upsert", 3, false],
  ]);
});

Deno.test("zss node watch goes on where it was when the server comes back, and says so", async () => {
  await using scene = await Scene.open();
  const dir = await manifests(scene, { "echo.json": echo });
  await scene.startNode("--services-dir", dir);
  const watch = scene.start(["node", "watch", "--json"], scene.env);
  await watch.printed(/"kind":"upsert"/);
  await scene.restartServer(async () => {
    await manifests(scene, { "echo.json": { ...echo, version: "2" } });
  });
  await watch.printed(/trying again in \d+ ms/);
  await watch.printed(/watching again/);
  await watch.printed(/"previous_version":"1"/);
  const revisions = (await watch.end("SIGINT")).stdout.trim().split("\n").map((line) => JSON.parse(line))
    .flatMap(({ event }) => event === undefined ? [] : [event.revision]);
  assert.deepEqual(revisions, revisions.map((_, index) => index + 1));
});

Deno.test("zss node watch ends by itself: --until-synced, --until, --timeout, --strict", async () => {
  await using scene = await Scene.open();
  const dir = await manifests(scene, { "echo.json": echo });
  const waiting = scene.start(["node", "watch", "node-1", "--until", "online", "--timeout", "60000"], scene.env);
  await waiting.printed(/watching node node-1/);
  const node = await scene.startNode("--services-dir", dir);
  assert.equal(await waiting.ended, 0);
  await node.printed(/online/);
  const synced = await scene.client("node", "watch", "--until-synced", "--json");
  assert.equal(synced.code, 0);
  const last = JSON.parse(synced.stdout.trim().split("\n").at(-1) ?? "");
  assert.equal(last.kind, "synced");
  assert.equal((await scene.client("node", "watch", "--timeout", "50")).code, 124);
  const since = `${last.epoch}:${last.revision}`;
  assert.equal((await scene.client("node", "watch", "--since", since, "--until-synced")).code, 0);
  const strict = await scene.client("node", "watch", "--since", "0000000000000000:1", "--strict");
  assert.deepEqual([strict.code, /epoch_changed/.test(strict.stderr)], [5, true]);
  const gap = await scene.client("node", "watch", "--since", "0000000000000000:1", "--until-synced");
  assert.equal(gap.code, 0);
  assert.match(gap.stderr, /some events are lost/);
  assert.match(gap.stdout, /node_service_snapshot node=node-1 state=online services=2/);
  assert.equal((await scene.client("node", "watch", "--since", "yesterday")).code, 2);
  assert.equal((await scene.client("node", "watch", "--until", "online")).code, 2);
});

Deno.test("zss node run comes back by itself after kill -9 of the server, with the same identity", async () => {
  await using scene = await Scene.open();
  const dir = await manifests(scene, { "echo.json": echo });
  const node = await scene.startNode("--services-dir", dir);
  await node.printed(/zss node online/);
  const state = join(scene.folder, "node-state.json");
  const before = JSON.parse(await readFile(state, "utf8"));
  const ready = JSON.parse(await readFile(join(scene.folder, "ready.json"), "utf8")) as { pid: number };
  const port = Number(new URL(scene.url).port);
  Deno.kill(ready.pid, "SIGKILL");
  await node.printed(/zss node offline: .*next try in/);
  node.stdout = "";
  await scene.startServer(port);
  await node.printed(/zss node online/);
  const after = JSON.parse(await readFile(state, "utf8"));
  assert.deepEqual([after.node_id, after.node_secret], [before.node_id, before.node_secret]);
  assert.equal((await scene.client("node", "list", "-o", "name")).stdout, "node-1\n");
  assert.equal((await scene.client("node", "service-runtime", "node-1", "echo", "invoke", "{}")).code, 0);
});

Deno.test("zss node run resumes its identity without an invite, and keeps its secret to its owner", async () => {
  await using scene = await Scene.open();
  const node = await scene.startNode();
  await node.printed(/node-1 \(edge\) paired/);
  await node.printed(/online/);
  await node.end("SIGINT");
  const state = join(scene.folder, "node-state.json");
  assert.equal((await stat(state)).mode & 0o777, 0o600);
  const again = scene.start(["node", "run", "--control-url", scene.url, "--state-file", state]);
  await again.printed(/node-1 \(edge\) resumed/);
  await again.printed(/online/);
});

Deno.test("zss node run pairs again when the server no longer knows it", async () => {
  await using scene = await Scene.open();
  const state = join(scene.folder, "node-state.json");
  const forgotten = { schema: 1, node_id: "node-9", node_secret: "secret-of-nobody", lease_token: "lease-x" };
  await writeFile(state, JSON.stringify(forgotten));
  const node = await scene.startNode();
  await node.printed(/pairs again/);
  await node.printed(/node-1 \(edge\) paired/);
});

Deno.test("zss server keeps nodes over a restart and shows its admin token once", async () => {
  await using scene = await Scene.open();
  const data = join(scene.folder, "own");
  const args = ["server", "--port", "0", "--data-dir", data];
  const first = scene.start(args);
  await first.printed(/listening on/);
  const token = first.stderr.match(/sw-admin_[A-Za-z0-9_-]{32}/)?.[0] ?? "";
  assert.notEqual(token, "");
  assert.ok(!first.stdout.includes(token));
  await first.end();
  const second = scene.start(args);
  const [, url = ""] = await second.printed(/listening on (\S+)/);
  assert.doesNotMatch(second.stderr, /sw-admin_/);
  const tokenFile = join(scene.folder, "token");
  await writeFile(tokenFile, token);
  assert.equal((await scene.client("node", "list", "--url", url, "--token-file", tokenFile)).code, 0);
  await second.end();
  const bytes = await readFile(join(data, "zss.db"));
  assert.ok(!bytes.includes(token));
});

Deno.test("zss node service-runtime ends when --timeout has passed, although the node has not answered yet", async () => {
  await using scene = await Scene.open();
  const sleeping = { ...echo, service_id: "nap", runtime: { ...echo.runtime, args: ["driver", "sleep"] } };
  const dir = await manifests(scene, { "nap.json": sleeping });
  await (await scene.startNode("--services-dir", dir)).printed(/online: 2 services/);
  const begin = performance.now();
  const args = ["node", "service-runtime", "node-1", "nap", "invoke", '{"sleep_ms":30000}', "--wait"];
  const late = await scene.client(...args, "--timeout", "100");
  assert.deepEqual([late.code, /100 ms have passed/.test(late.stderr)], [124, true], late.stderr);
  assert.ok(performance.now() - begin < 20_000);
  assert.match((await scene.client("node", "service-runtime", "node-1", "nap", "status")).stdout, /"state":"running"/);
});
