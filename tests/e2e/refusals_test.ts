import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Program, Scene, zss } from "./program.ts";

Deno.test("zss server --port of a taken port names the port and what to do", async () => {
  await using scene = await Scene.open();
  const { port } = new URL(scene.url);
  const { code, stderr } = await scene.client("server", "--port", port, "--data-dir", join(scene.folder, "other"));
  assert.equal(code, 3);
  assert.match(stderr, new RegExp(`Cannot listen on 127.0.0.1:${port}: the port is taken`));
  assert.match(stderr, /--port/);
});

Deno.test("zss server refuses the data folder of a running one", async () => {
  await using scene = await Scene.open();
  const { code, stderr } = await scene.client("server", "--port", "0", "--data-dir", join(scene.folder, "data"));
  assert.equal(code, 3);
  assert.match(stderr, /another server uses it[\s\S]*--data-dir/);
});

Deno.test("zss node list with a wrong token exits 4 and says why", async () => {
  await using scene = await Scene.open();
  const wrong = await zss(["node", "list"], { env: { ZSS_URL: scene.url, ZSS_TOKEN: "sw-admin_wrong" } });
  assert.equal(wrong.code, 4);
  assert.match(wrong.stderr, /does not know this token/);
  assert.ok(!wrong.stderr.includes("sw-admin_wrong"));
  const anonymous = await zss(["node", "list", "--json"], { env: { ZSS_URL: scene.url } });
  assert.equal(anonymous.code, 4);
  assert.equal(JSON.parse(anonymous.stderr).error.code, "forbidden");
});

Deno.test("zss node list without a server exits 3 and names the address", async () => {
  const { code, stderr } = await zss(["node", "list", "--url", "ws://127.0.0.1:9"]);
  assert.equal(code, 3);
  assert.match(stderr, /Cannot connect to ws:\/\/127\.0\.0\.1:9\//);
});

Deno.test("zss node run says once which invite is used, unknown or expired, and stays", async () => {
  await using scene = await Scene.open();
  const run = (invite: string, state: string) =>
    scene.start([
      ...["node", "run", "--control-url", scene.url, "--invite-token", invite],
      ...["--state-file", join(scene.folder, state)],
    ]);
  const invite = (await scene.client("node", "invite", "-o", "name")).stdout.trim();
  await run(invite, "a.json").printed(/paired/);
  const used = run(invite, "b.json");
  await used.printed(/cannot pair: .*invite-1 was used by node-1.*\[invite_redeemed\]; it tries again every 60.0 s/);
  await run("inv-0123456789abcdef0123456789abcdef", "c.json").printed(/\[invite_not_found\]/);
  const brief = (await scene.client("node", "invite", "--expires-in-ms", "1", "-o", "name")).stdout.trim();
  await run(brief, "d.json").printed(/\[invite_expired\]/);
  assert.equal((await used.end("SIGTERM")).code, 0);
});

const usage: readonly (readonly [string, readonly string[], RegExp])[] = [
  [
    "invite mode without an invite",
    ["node", "run", "--control-url", "ws://127.0.0.1:9", "--pair-mode", "invite"],
    /zss node invite/,
  ],
  [
    "pairing without a server",
    ["node", "run", "--pair-mode", "request"],
    /--pair-mode without a control plane[^]*--control-url/,
  ],
  [
    "a port with a server",
    ["node", "run", "--control-url", "ws://127.0.0.1:9", "--port", "1"],
    /--port with a control plane/,
  ],
  [
    "a port with a server that is named elsewhere",
    ["node", "run", "--url", "ws://127.0.0.1:9", "--port", "1"],
    /--port with a control plane, which --url names[^]*without --url the node runs by itself/,
  ],
  ["an open port without TLS", ["node", "run", "--bind", "0.0.0.0", "--port", "0"], /without TLS[^]*--insecure-bind/],
  [
    "a terminal for every process of the machine",
    ["node", "run", "--terminal-id", "1", "--port", "0"],
    /terminal without a token[^]*--insecure-bind/,
  ],
  [
    "numbers for the network",
    ["node", "run", "--metrics-port", "0", "--metrics-bind", "0.0.0.0", "--port", "0"],
    /Cannot show numbers on "0\.0\.0\.0"[^]*--insecure-bind/,
  ],
  ["a half certificate", ["node", "run", "--tls-cert", "zss.pem"], /--tls-key|without --tls-key/],
  ["a node without a proper name", ["node", "run", "--node-name", "a b"], /Cannot name the node "a b"/],
  ...["--refresh-interval-ms", "--reconnect-backoff-ms", "--manifest-reload-interval-ms"].map((flag) =>
    [`${flag} 0`, ["node", "run", flag, "0"], /a whole number from 10+ to/] as const
  ),
  [
    "a lease that ends between two refreshes",
    ["node", "run", "--control-url", "ws://127.0.0.1:9", "--lease-ttl-ms", "5000"],
    /--refresh-interval-ms must be shorter than --lease-ttl-ms/,
  ],
  [
    "a longest wait that is the shorter one",
    ["node", "run", "--control-url", "ws://127.0.0.1:9", "--reconnect-backoff-max-ms", "100"],
    /must be at least --reconnect-backoff-ms/,
  ],
  ["an unknown command", ["node", "lst"], /did you mean/],
  ["an unknown flag", ["node", "list", "--lable", "x"], /--lable/],
  [
    "a bad export",
    ["node", "run", "--control-url", "ws://127.0.0.1:9", "--export", "work"],
    /between the name and the path/,
  ],
  ["an unknown form", ["version", "-o", "xml"], /no such form/],
  ["an unknown driver", ["driver", "camera"], /the drivers are echo/],
  ["an unknown action", ["node", "service-runtime", "n", "s", "explode"], /the actions are/],
  ["a payload that is no object", ["node", "service-runtime", "n", "s", "invoke", "[]"], /must be a JSON object/],
  ["a label without a value", ["node", "run", "--control-url", "ws://127.0.0.1:9", "--label", "site"], /key=value/],
];
for (const [what, args, says] of usage) {
  Deno.test(`zss exits 2 with a hint for ${what}`, async () => {
    const { code, stderr } = await zss(args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, says);
  });
}

Deno.test("zss manifest lint exits 0, 1 or 3 and names file, line and column", async () => {
  await using scene = await Scene.open();
  const file = async (name: string, text: string) => {
    await writeFile(join(scene.folder, name), text);
    return name;
  };
  const good = await file("good.json", '{"service_id":"a","kind":"a"}');
  assert.equal((await scene.client("manifest", "lint", good)).code, 0);
  const cases: readonly (readonly [string, RegExp])[] = [
    [await file("nojson.json", '{"service_id": \n'), /nojson\.json:\d+:\d+: error: not valid JSON/],
    [await file("array.json", "[]"), /array\.json:1:1: error: a manifest must be an object/],
    [await file("noid.json", '{\n  "kind": "camera"\n}'), /noid\.json:1:1: error: service_id is required/],
    [
      await file(
        "path.json",
        '{\n  "service_id": "a", "kind": "a",\n  "mounts": [{ "mount_id": "m", "mount_path": "nodes" }]\n}',
      ),
      /path\.json:3:47: error: mounts\[0\]\.mount_path must start with "\/": current value is "nodes"/,
    ],
  ];
  for (const [name, says] of cases) {
    const { code, stdout } = await scene.client("manifest", "lint", name);
    assert.equal(code, 1, name);
    assert.match(stdout, says);
  }
  assert.equal((await scene.client("manifest", "lint", "absent.json")).code, 3);
});

Deno.test("zss node run names the bad manifest and serves the good ones", async () => {
  await using scene = await Scene.open();
  const good = join(scene.folder, "good.json");
  const bad = join(scene.folder, "bad.json");
  await writeFile(good, '{"service_id":"a","kind":"a"}');
  await writeFile(bad, '{"service_id":"fs","kind":"a"}');
  const node = await scene.startNode("--service-manifest", good, "--service-manifest", bad);
  await node.printed(/bad\.json:1:15: error: service_id "fs" is taken by the built-in fs service/);
  await node.printed(/online: 2 services/);
});

Deno.test("zss node list ends at once when it is interrupted while a server does not answer", async () => {
  // Takes the connection and says nothing.
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const program = new Program(["node", "list", "--url", `ws://127.0.0.1:${listener.addr.port}`]);
  using _connection = await accepted;
  const { code } = await program.end("SIGINT");
  assert.equal(code, 130);
});
