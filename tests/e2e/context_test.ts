import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { createServer } from "node:tls";
import { type Finished, Scene, type StartOptions, zss } from "./program.ts";

const isPosix = Deno.build.os !== "windows";

/** Runs a command in a scene whose contexts are its own; without an address or a token in the environment. */
function user(scene: Scene): (args: readonly string[], options?: StartOptions) => Promise<Finished> {
  const config = join(scene.folder, "config");
  return (args, options = {}) =>
    zss(args, { cwd: scene.folder, ...options, env: { ZSS_CONFIG_DIR: config, ...options.env } });
}

Deno.test("zss context add, use, list, show and delete keep a server under a name, and node list goes by it", async () => {
  await using scene = await Scene.open();
  const run = user(scene);
  const seen: string[] = [];
  const ok = async (args: readonly string[], options: StartOptions = {}) => {
    const { code, stdout, stderr } = await run(args, options);
    assert.equal(code, 0, stderr);
    seen.push(stdout, stderr);
    return stdout;
  };

  assert.equal(await ok(["context", "list"]), "(no contexts)\n");
  const added = JSON.parse(
    await ok(["context", "add", "lab", "--url", scene.url, "--token-file", "-", "--json"], { stdin: scene.token }),
  );
  const file = join(scene.folder, "config", "contexts.json");
  assert.deepEqual(added, { name: "lab", has_token: true, url: scene.url, file });
  await writeFile(join(scene.folder, "token"), `${scene.token}\n`);
  await ok(["context", "add", "from-file", "--url", scene.url, "--token-file", "token", "--project", "system"]);
  await ok(["context", "add", "from-env", "--url", scene.url], { env: { ZSS_TOKEN: scene.token } });
  await ok(["context", "add", "nobody", "--url", scene.url]);
  if (isPosix) {
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal((await stat(join(scene.folder, "config"))).mode & 0o777, 0o700);
  }
  assert.deepEqual(await readdir(join(scene.folder, "config")), ["contexts.json"]);

  for (const name of ["lab", "from-file", "from-env"]) await ok(["node", "list", "--context", name]);
  await ok(["node", "list"], { env: { ZSS_CONTEXT: "lab" } });
  assert.equal((await run(["--context=nobody", "node", "list"])).code, 4);
  assert.equal((await run(["node", "list"])).code, 3, "without a current context the default address is asked");
  assert.equal(await ok(["context", "use", "lab", "-o", "name"]), "lab\n");
  await ok(["node", "list"]);
  await ok(["node", "watch", "--until-synced"]);
  assert.equal((await run(["node", "list"], { env: { ZSS_CONTEXT: "nobody" } })).code, 4);
  const invited = await ok(["node", "invite"]);
  assert.ok(invited.includes(`--control-url ${scene.url}`));

  assert.match(await ok(["context", "list"]), /^CURRENT +NAME +URL +TOKEN.*\n\* +lab +ws:\S+ +yes +-/m);
  assert.equal(await ok(["context", "list", "-o", "name"]), "lab\nfrom-file\nfrom-env\nnobody\n");
  assert.match(await ok(["context", "list", "-o", "yaml"]), /^current: lab$/m);
  const list = JSON.parse(await ok(["context", "list", "--json"]));
  assert.deepEqual([list.current, list.contexts[1]], [
    "lab",
    { name: "from-file", has_token: true, url: scene.url, project: "system", current: false },
  ]);
  const shown = JSON.parse(await ok(["context", "show", "--json"]));
  assert.deepEqual(shown, {
    context: "lab",
    url: scene.url,
    url_from: "context",
    has_token: true,
    token_from: "context",
    file,
  });
  assert.match(
    await ok(["context", "show", "--context", "from-file"]),
    /^context {2}from-file\n[^]*^project {2}system \(context\)$/m,
  );
  assert.match(
    await ok(["context", "show", "from-file"]),
    /^context {2}from-file\n[^]*^project {2}system \(context\)$/m,
  );
  const said = { env: { ZSS_PROJECT: "site", ZSS_CA: "ca.pem" } };
  assert.match(await ok(["context", "show"], said), /^ca {7}ca\.pem \(ZSS_CA\)\nproject {2}site \(ZSS_PROJECT\)$/m);
  assert.match(await ok(["context", "show", "--project", "p"], said), /^project {2}p \(--project\)$/m);
  assert.equal(await ok(["__complete", "context", "use", "from"]), "from-file\t\nfrom-env\t\n");
  await ok(["context", "list"], { env: { ZSS_CONTEXT: "gone" } });
  assert.match(seen.at(-1) ?? "", /ZSS_CONTEXT names "gone", and there is no such context/);

  const deleted = JSON.parse(await ok(["context", "delete", "lab", "--json"]));
  assert.deepEqual(deleted, { deleted: "lab", current: null });
  assert.equal((await run(["node", "list"])).code, 3);
  assert.ok(!seen.join("").includes(scene.token), "a token was shown");
});

Deno.test("zss node list --url of another server does not send the token of the context there", async () => {
  await using scene = await Scene.open();
  const run = user(scene);
  await run(["context", "add", "lab", "--url", scene.url, "--token-file", "-"], { stdin: scene.token });
  await run(["context", "use", "lab"]);
  // The same server under another name, which nobody can know to be the same.
  const other = scene.url.replace("127.0.0.1", "localhost");
  assert.equal((await run(["node", "list", "--url", scene.url])).code, 0);
  assert.equal((await run(["node", "list", "--url", other])).code, 4);
  assert.equal((await run(["node", "list"], { env: { ZSS_URL: other } })).code, 4);
  const named = await run(["node", "list", "--context", "lab"], { env: { ZSS_URL: other } });
  assert.equal(named.code, 4);
  assert.match(named.stderr, /^note: context "lab" is not used: ZSS_URL names another server$/m);
  assert.equal((await run(["node", "list"], { env: { ZSS_TOKEN: "sw-admin_wrong" } })).code, 4);
});

Deno.test("zss node run takes the address of a context that is named, and not that of the current one", async () => {
  await using scene = await Scene.open();
  const run = user(scene);
  await run(["context", "add", "lab", "--url", scene.url, "--token-file", "-"], { stdin: scene.token });
  await run(["context", "use", "lab"]);
  const invite = (await run(["node", "invite", "-o", "name"])).stdout.trim();
  const args = ["node", "run", "--invite-token", invite, "--state-file", join(scene.folder, "node.json")];
  const alone = await run(args);
  assert.deepEqual([alone.code, /invite of --invite-token without a control plane/.test(alone.stderr)], [2, true]);
  const node = scene.start([...args, "--context", "lab"], { ZSS_CONFIG_DIR: join(scene.folder, "config") });
  await node.printed(/zss node online/);
});

Deno.test("zss context refuses what it cannot keep, and a name that is not there with the names that are", async () => {
  await using scene = await Scene.open();
  const run = user(scene);
  const none = await run(["node", "list", "--context", "lab"]);
  assert.deepEqual([none.code, /zss context add/.test(none.stderr)], [2, true]);
  const secret = "sw-admin_not-to-be-shown";
  await run(["context", "add", "lab", "--url", "ws://lab:1"]);
  await run(["context", "add", "office", "--url", "ws://office:1"]);
  const cases: readonly (readonly [readonly string[], RegExp, StartOptions?])[] = [
    [["node", "list", "--context", "lob"], /the contexts are lab, office/],
    [["node", "list"], /"lob" of ZSS_CONTEXT[^]*the contexts are lab, office/, { env: { ZSS_CONTEXT: "lob" } }],
    [["node", "list", "--context"], /it needs a value/],
    [["context", "use", "lob"], /the contexts are lab, office/],
    [["context", "delete", "lob"], /the contexts are lab, office/],
    [["context", "show", "--context", "lob"], /the contexts are lab, office/],
    [["context", "show", "lob"], /Cannot show context "lob"[^]*the contexts are lab, office/],
    [["context", "delete", "lob"], /Cannot delete context "lob"[^]*the contexts are lab, office/],
    [["context", "add", "lab", "--url", "ws://lab:2"], /it is there already[^]*zss context delete lab/],
    [["context", "add", "a"], /--url/],
    [["context", "add", "a b", "--url", "ws://a:1"], /letters, digits/],
    [["context", "add", "a", "--url", "http://a:1"], /ws:\/\/host:port/],
    [["context", "add", "a", "--url", "a"], /ws:\/\/host:port/],
    [["context", "add", "a", "--url", `ws://ada:${secret}@a:1`], /user, a password or a query/],
    [["context", "add", "a", "--url", `ws://a:1/?token=${secret}`], /user, a password or a query/],
    [["context", "add", "a", "--url", "ws://a:1", "--ca", "ca.pem"], /ws:\/\/ server shows no certificate/],
    [["context", "add", "a", "--url", "ws://a:1", "--token-file", "-"], /standard input: it must hold one token/],
    [
      ["context", "add", "a", "--url", "ws://a:1"],
      /ZSS_TOKEN: it must hold one token/,
      { env: { ZSS_TOKEN: `${secret} ${secret}` } },
    ],
  ];
  for (const [args, says, options] of cases) {
    const { code, stdout, stderr } = await run(args, options);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, says);
    assert.ok(!stderr.includes(secret), args.join(" "));
  }
  const missing = await run(["context", "add", "a", "--url", "wss://a:1", "--ca", "none.pem"]);
  assert.deepEqual([missing.code, /none\.pem/.test(missing.stderr)], [3, true]);
  assert.equal((await run(["context", "list", "-o", "name"])).stdout, "lab\noffice\n");
  const homeless = await zss(["context", "list"], { env: { ZSS_CONFIG_DIR: "", HOME: "", APPDATA: "" } });
  assert.deepEqual([homeless.code, /ZSS_CONFIG_DIR/.test(homeless.stderr)], [2, true]);
});

Deno.test({
  name: "zss refuses a file of contexts that others can read or that is damaged, unless it does not need it",
  ignore: !isPosix,
  async fn() {
    await using scene = await Scene.open();
    const run = user(scene);
    const file = join(scene.folder, "config", "contexts.json");
    await run(["context", "add", "lab", "--url", scene.url, "--token-file", "-"], { stdin: scene.token });
    for (const mode of [0o644, 0o640, 0o604]) {
      await chmod(file, mode);
      for (const args of [["context", "list"], ["node", "list", "--context", "lab"], ["node", "list"]]) {
        const { code, stderr } = await run(args);
        assert.equal(code, 3);
        assert.match(stderr, /hint: chmod 600 "/);
      }
    }
    await chmod(file, 0o600);
    assert.equal((await run(["node", "list", "--context", "lab"])).code, 0);
    const before = await readFile(file, "utf8");
    await writeFile(file, before.slice(0, -10));
    const { code, stderr } = await run(["context", "add", "b", "--url", "ws://b:1", "--json"]);
    assert.equal(code, 3);
    assert.equal(JSON.parse(stderr).error.code, "state_damaged");
    assert.equal(await readFile(file, "utf8"), before.slice(0, -10), "a damaged file is not replaced");
    assert.equal((await run(["node", "list"], { env: scene.env })).code, 0, "address and token are given");
  },
});

/** Makes a certificate for 127.0.0.1 and its key. */
function makeCertificate(folder: string): boolean {
  const words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=zss-test " +
    "-addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE -keyout key.pem -out ca.pem";
  try {
    execFileSync("openssl", words.split(" "), { cwd: folder, stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

Deno.test("zss node list goes by the ca of its context, and trusts no certificate that it does not know", async () => {
  await using scene = await Scene.open();
  // Nothing but openssl makes a certificate here; where it is missing there is nothing to check against.
  if (!makeCertificate(scene.folder)) return;
  const pem = (name: string) => readFile(join(scene.folder, name), "utf8");
  // The server itself speaks no TLS; in front of it stands what does.
  const sockets: { destroy(): unknown }[] = [];
  const front = createServer({ key: await pem("key.pem"), cert: await pem("ca.pem") }, (socket) => {
    const behind = connect(Number(new URL(scene.url).port), "127.0.0.1");
    behind.on("error", () => socket.destroy());
    socket.on("error", () => behind.destroy());
    sockets.push(socket, behind);
    socket.pipe(behind).pipe(socket);
  });
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  try {
    const address = front.address();
    const url = `wss://127.0.0.1:${typeof address === "object" ? address?.port : undefined}`;
    const run = user(scene);
    const add = (name: string, ...more: string[]) =>
      run(["context", "add", name, "--url", url, "--token-file", "-", ...more], { stdin: scene.token });
    await add("trusting");
    const added = await add("checking", "--ca", "ca.pem", "--json");
    assert.ok(JSON.parse(added.stdout).ca.endsWith(join("", "ca.pem")));
    const elsewhere = join(scene.folder, "elsewhere");
    await mkdir(elsewhere);
    const checked = await run(["node", "list", "--context", "checking"], { cwd: elsewhere });
    assert.equal(checked.code, 0, checked.stderr);
    assert.equal((await run(["node", "watch", "--until-synced", "--context", "checking"])).code, 0);
    const unknown = await run(["node", "list", "--context", "trusting"]);
    assert.deepEqual([unknown.code, /certificate/.test(unknown.stderr)], [3, true], unknown.stderr);
  } finally {
    for (const socket of sockets) socket.destroy();
    front.close();
  }
});
