import assert from "node:assert/strict";
import { currentOs, osNamed } from "./os.ts";
import { openPty, type Pty, type PtyOptions, ptySupport } from "./pty.ts";

const ignore = currentOs.name !== "linux";
const size = { cols: 90, rows: 30 };

/** A shell in a terminal that runs a script. */
function sh(script: string, more: Partial<PtyOptions> = {}): Pty {
  const env = { PATH: "/usr/bin:/bin" };
  return openPty({ file: "/bin/sh", argv: ["sh", "-c", script], cwd: "/", env, size, ...more });
}

/** Reads until a text matches, or to the end. */
async function readUntil(pty: Pty, pattern?: RegExp): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const bytes = await pty.read();
    if (bytes === undefined) return text;
    text += decoder.decode(bytes, { stream: true });
    if (pattern?.test(text)) return text;
  }
}

function isAlive(pid: number): boolean {
  try {
    // A process that has ended and waits for its parent still has a number.
    return !/^\d+ \(.*\) Z/.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

Deno.test({ name: "ptySupport() finds the terminals of this system", ignore }, async () => {
  assert.deepEqual(await ptySupport(), { available: true });
});

Deno.test("openPty() says on which system there are none", () => {
  assert.throws(() => sh("true", { os: osNamed("windows") }), /Cannot open a pseudo terminal: zss has none on windows/);
});

Deno.test(
  { name: "openPty() gives a program its terminal, its size, its folder and its environment", ignore },
  async () => {
    const pty = sh("stty size </dev/tty; pwd; env | grep -c .; echo $MARK", {
      cwd: "/usr",
      env: { PATH: "/usr/bin:/bin", MARK: "ünder" },
    });
    const lines = (await readUntil(pty)).split("\r\n");
    assert.deepEqual([lines[0], lines[1], lines[3]], ["30 90", "/usr", "ünder"]);
    assert.deepEqual(await pty.exited, { code: 0, signal: null });
    await pty.close();
  },
);

Deno.test({ name: "openPty() makes a program the leader of a session of its own", ignore }, async () => {
  const pty = sh('read -r _ _ _ _ group session _ < /proc/$$/stat; echo "$$ $group $session"');
  assert.equal((await readUntil(pty)).trim(), `${pty.pid} ${pty.pid} ${pty.pid}`);
  await pty.exited;
  await pty.close();
});

Deno.test({ name: "openPty() hands no other open file to a program than any start does", ignore }, async () => {
  const { stdout } = await new Deno.Command("/bin/ls", { args: ["/proc/self/fd"] }).output();
  const pty = openPty({ file: "/bin/ls", argv: ["ls", "-1", "/proc/self/fd"], cwd: "/", env: {}, size });
  const text = await readUntil(pty);
  await pty.exited;
  await pty.close();
  assert.equal(text.replaceAll("\r", ""), new TextDecoder().decode(stdout));
});

Deno.test({ name: "openPty() says why a program cannot be started", ignore }, () => {
  assert.throws(() => sh("", { file: "/nope" }), /Cannot start "\/nope" in "\/": ENOENT/);
  assert.throws(() => sh("", { cwd: "/nope" }), /in "\/nope": ENOENT/);
  assert.throws(() => sh("", { argv: ["a\0b"] }), TypeError);
});

Deno.test({ name: "Pty reports the exit code and the signal", ignore }, async () => {
  for (
    const [script, wanted] of [["exit 7", { code: 7, signal: null }], ["kill -TERM $$", {
      code: null,
      signal: "SIGTERM",
    }]] as const
  ) {
    const pty = sh(script);
    assert.deepEqual(await pty.exited, wanted);
    await pty.close();
  }
});

Deno.test({ name: "Pty types Ctrl-C as an interrupt", ignore }, async () => {
  const pty = sh("trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 60; done");
  await readUntil(pty, /ready/);
  await pty.write(new Uint8Array([3]));
  assert.match(await readUntil(pty), /caught/);
  assert.deepEqual(await pty.exited, { code: 3, signal: null });
  await pty.close();
});

Deno.test({ name: "Pty.resize() tells the program", ignore }, async () => {
  const pty = sh("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done");
  await readUntil(pty, /ready/);
  pty.resize({ cols: 40, rows: 12 });
  assert.match(await readUntil(pty), /12 40/);
  await pty.exited;
  await pty.close();
});

Deno.test({ name: "Pty carries large input and output whole and in order", ignore }, async () => {
  const pty = sh("stty raw -echo; echo ready; head -c 300000");
  await readUntil(pty, /ready\r?\n/);
  const sent = "0123456789abcdef".repeat(18_750);
  const read = readUntil(pty);
  await pty.write(new TextEncoder().encode(sent));
  assert.ok(await read === sent, "the output differs from the input");
  await pty.exited;
  await pty.close();
});

Deno.test({ name: "Pty.kill() ends jobs in groups of their own and what ignores a hangup", ignore }, async () => {
  const pty = sh("set -m; trap '' HUP; (trap '' HUP; exec sleep 60) & echo pid=$!; sleep 60");
  const pid = Number(/pid=(\d+)/.exec(await readUntil(pty, /pid=\d+\r\n/))?.[1]);
  assert.ok(isAlive(pid));
  pty.hangUp();
  assert.ok(isAlive(pid), "it ignores the hangup");
  pty.kill();
  await pty.exited;
  await readUntil(pty);
  assert.equal(isAlive(pid), false);
  await pty.close();
});

Deno.test({ name: "Pty.close() ends a read, and reads after it", ignore }, async () => {
  const pty = sh("sleep 60");
  const reading = pty.read();
  await pty.close();
  await pty.close();
  assert.ok(await reading === undefined || (await reading)?.length === 0);
  assert.equal(await pty.read(), undefined);
  pty.kill();
  await pty.exited;
});
