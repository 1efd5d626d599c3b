import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { currentOs, openPty, programCommand, type Pty } from "../../drivers/process/mod.ts";
import { Scene } from "./program.ts";

// A terminal for the person in the test is needed too.
const ignore = currentOs.name !== "linux";

/** A person in front of a terminal of their own in which a command of zss runs. */
class Person implements AsyncDisposable {
  readonly pty: Pty;
  seen = "";
  #following: Promise<void>;
  #news = Promise.withResolvers<void>();

  constructor(scene: Scene, args: readonly string[]) {
    const binary = process.env["ZSS_BIN"];
    const self = binary === undefined ? programCommand(args) : { file: binary, args, env: {} };
    const keep = ["PATH", "HOME", "DENO_DIR"];
    const inherited = keep.flatMap((name) => process.env[name] === undefined ? [] : [[name, process.env[name]]]);
    // A shell around it shows in which state it leaves the terminal.
    const script = '"$@"; echo "code=$?"; stty -a | grep -o -e "-*icanon"';
    this.pty = openPty({
      file: "/bin/sh",
      argv: ["sh", "-c", script, "sh", self.file, ...self.args],
      cwd: scene.folder,
      env: { ...Object.fromEntries(inherited), ...self.env, ...scene.env, TERM: "xterm" },
      size: { cols: 90, rows: 30 },
    });
    this.#following = this.#follow();
  }

  async #follow(): Promise<void> {
    const decoder = new TextDecoder();
    for (;;) {
      const bytes = await this.pty.read();
      if (bytes === undefined) break;
      this.seen += decoder.decode(bytes, { stream: true });
      this.#news.resolve();
      this.#news = Promise.withResolvers();
    }
    this.#news.reject(new Error(`The terminal was closed; it showed: ${this.seen}`));
    this.#news.promise.catch(() => {});
  }

  /** Waits until the terminal shows something. */
  async sees(pattern: RegExp): Promise<RegExpMatchArray> {
    const deadline = setTimeout(() => this.pty.kill(), 30_000);
    try {
      for (;;) {
        const match = this.seen.match(pattern);
        if (match !== null) return match;
        await this.#news.promise;
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  type(text: string): void {
    void this.pty.write(new TextEncoder().encode(text));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.pty.kill();
    await this.pty.exited;
    await this.#following;
    await this.pty.close();
  }
}

async function sceneWithTerminal(): Promise<Scene> {
  const scene = await Scene.open();
  const node = await scene.startNode("--terminal-id", "1");
  await node.printed(/zss node online: 2 services/);
  return scene;
}

/** The beginning of a session of a shell without anybody's profile. */
const SHELL = ["node", "terminal", "node-1", "1", "--pty", "--env", "PS1=far> ", "--", "/bin/sh", "-i"];

Deno.test(
  { name: "zss node terminal <node> <id> -- runs one command, its output and exit code come back", ignore },
  async () => {
    await using scene = await sceneWithTerminal();
    const run = (...args: string[]) => scene.client("node", "terminal", "node-1", "1", ...args);
    const one = await run(
      "--env",
      "MARK=m",
      "--cwd",
      "/",
      "--",
      "sh",
      "-c",
      'echo "out $MARK $(pwd)"; echo err >&2; exit 3',
    );
    assert.deepEqual(one, { code: 3, stdout: "out m /\n", stderr: "err\n" });
    const json = await run("-o", "json", "--", "sh", "-c", "kill -TERM $$");
    assert.equal(json.code, 143);
    const result = JSON.parse(json.stdout);
    assert.deepEqual([result.service, result.state, result.signal], ["terminal", "terminated", "SIGTERM"]);
    const missing = await run("--", "no-such-program");
    assert.equal(missing.code, 127);
    assert.match(missing.stderr, /"no-such-program" is in no folder of PATH/);
    const late = await run("--timeout-ms", "500", "--", "sh", "-c", "echo part; sleep 60");
    assert.deepEqual([late.code, late.stdout], [124, "part\n"]);
    const reserved = await run("--env", "ZSS_HELPER=driver", "--", "true");
    assert.equal(reserved.code, 6);
    assert.match(reserved.stderr, /env\.ZSS_HELPER must not be set here/);
    const none = await scene.client("node", "terminal", "node-1", "2", "--", "true");
    assert.equal(none.code, 1);
    assert.match(none.stderr, /the node has no such terminal\n {2}hint: its terminals are 1/);
    const only = await scene.client("node", "terminal", "edge", "--", "echo", "by name");
    assert.deepEqual(only, { code: 0, stdout: "by name\n", stderr: "" });
    const piped = await run();
    assert.equal(piped.code, 2);
    assert.match(piped.stderr, /standard input and output are not a terminal/);
    // The way of every service.
    const invoked = await scene.client(
      "node",
      "service-runtime",
      "node-1",
      "terminal-1",
      "invoke",
      '{"command":"echo hi"}',
    );
    assert.match(invoked.stdout, /"service":"terminal","terminal_id":"1","operation":"exec","ok":true/);
  },
);

Deno.test(
  { name: "zss node terminal <node> wants the id of the terminal where the node has several", ignore },
  async () => {
    await using scene = await Scene.open();
    const node = await scene.startNode("--terminal-id", "1", "--terminal-id", "2");
    await node.printed(/zss node online: 3 services/);
    const many = await scene.client("node", "terminal", "node-1", "--", "true");
    assert.equal(many.code, 2);
    assert.match(many.stderr, /it has 2: 1, 2\n {2}hint: name one: zss node terminal node-1 1 -- <command>/);
    assert.equal((await scene.client("node", "terminal", "node-1", "2", "--", "true")).code, 0);
    const without = await scene.client("node", "terminal", "--", "true");
    assert.deepEqual([without.code, /no node is named/.test(without.stderr)], [2, true]);
    assert.equal((await scene.client("__complete", "node", "terminal", "edge", "")).stdout, "1\t\n2\t\n");
  },
);

Deno.test({ name: "zss node terminal is a shell with keys, Ctrl-C, resize and exit code", ignore }, async () => {
  await using scene = await sceneWithTerminal();
  await using person = new Person(scene, SHELL);
  await person.sees(/far> $/);
  person.type("stty size; tty; echo term=$TERM token=[$ZSS_TOKEN]\r");
  await person.sees(/30 90\r\n\/dev\/pts\/\d+\r\nterm=xterm token=\[\]/);
  person.pty.resize({ cols: 70, rows: 20 });
  person.type("while [ \"$(stty size)\" != '20 70' ]; do sleep 0.05; done; echo resi''zed\r");
  await person.sees(/resized/);
  person.type("echo slee''ping; sleep 60\r");
  await person.sees(/sleeping/);
  person.type("\x03");
  person.type("echo code $?\r");
  await person.sees(/code 130/);
  person.type("yes | head -100000 | cksum; yes | head -30000; echo all''there\r");
  await person.sees(/(y\r\n){30000}allthere/);
  person.type("exit 42\r");
  await person.sees(/code=42\r\nicanon/);
  const audit = await scene.client("server", "audit", "tail", "-o", "json");
  assert.match(audit.stdout, /services\/terminal-1\/pty\/open\.json/);
  assert.doesNotMatch(audit.stdout, /pty\/[^/]+\/input/);
});

Deno.test(
  { name: "zss node terminal is left by ~. and ends the session with all that runs in it", ignore },
  async () => {
    await using scene = await sceneWithTerminal();
    await using person = new Person(scene, SHELL);
    await person.sees(/far> $/);
    person.type("set -m; sleep 60 & echo job=$!; sleep 61\r");
    const [, job] = await person.sees(/job=(\d+)/);
    person.type("\r~.");
    await person.sees(/the session was ended\r\ncode=130\r\nicanon/);
    // Nobody may be there to take note of its end, so it may still have a number.
    const look = ["sh", "-c", `grep -s State: /proc/${job}/status || echo gone`];
    const alive = await scene.client("node", "terminal", "node-1", "1", "--", ...look);
    assert.match(alive.stdout, /gone|Z \(zombie\)/);
  },
);

Deno.test({ name: "zss node terminal puts the terminal back when the node goes away", ignore }, async () => {
  await using scene = await Scene.open();
  const node = await scene.startNode("--terminal-id", "1");
  await node.printed(/zss node online/);
  await using person = new Person(scene, SHELL);
  await person.sees(/far> $/);
  await node.end();
  await person.sees(/code=\d+\r\nicanon/);
});

Deno.test({ name: "zss fs read ends the last line for a person, and for nobody else", ignore }, async () => {
  await using scene = await Scene.open();
  const work = join(scene.folder, "work");
  await mkdir(work);
  await writeFile(join(work, "open.txt"), "no end");
  await writeFile(join(work, "ended.txt"), "an end\n");
  await writeFile(join(work, "empty.txt"), "");
  await (await scene.startNode("--export", `work=${work}`)).printed(/zss node online/);
  for (
    const [name, shown] of [["open", /no end\r\ncode=0/], ["ended", /an end\r\ncode=0/], ["empty", /code=0/]] as const
  ) {
    const path = `/nodes/node-1/fs/work/${name}.txt`;
    await using person = new Person(scene, ["fs", "read", path]);
    await person.sees(shown);
    // Nothing is ended that did not begin.
    assert.doesNotMatch(person.seen, /(?:^|\n)\r?\ncode=0/);
    const { stdout } = await scene.client("fs", "read", path);
    assert.equal(stdout, await readFile(join(work, `${name}.txt`), "utf8"));
  }
});
