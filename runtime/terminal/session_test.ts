import assert from "node:assert/strict";
import { Errno, FsError } from "../../control/protocol/mod.ts";
import { ManualClock } from "../../drivers/process/mod.ts";
import { ScriptedPty, settled, text } from "./scripted_pty_fixture_test.ts";
import { READ_WAIT_MS, Session, UNATTENDED_MS } from "./session.ts";

function open() {
  const pty = new ScriptedPty();
  const clock = new ManualClock();
  const changes: string[] = [];
  const session: Session = new Session({
    id: "s",
    pty,
    argv: ["sh"],
    cwd: "/",
    size: { cols: 80, rows: 24 },
    clock,
    onChange: () => changes.push(String(session.status()["state"])),
  });
  return { pty, clock, session, changes };
}

const read = async (session: Session, offset: number, length = 1_000) => {
  const { bytes, eof } = await session.read(offset, length);
  return [text(bytes), eof];
};

function refuses(errno: number): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof FsError && thrown.errno === errno;
}

Deno.test("Session.read() waits for output and takes any offset", async () => {
  const { pty, session } = open();
  const waiting = read(session, 0);
  pty.print("hello");
  assert.deepEqual(await waiting, ["hello", false]);
  assert.deepEqual(await read(session, 2, 2), ["ll", false]);
  assert.deepEqual(await read(session, 5, 0), ["", false]);
});

Deno.test("Session.read() answers without output after a while", async () => {
  const { clock, session } = open();
  const waiting = read(session, 0);
  await settled();
  clock.advance(READ_WAIT_MS);
  assert.deepEqual(await waiting, ["", false]);
});

Deno.test("Session keeps the last output of a program that has ended, and says how it did", async () => {
  const { pty, session, changes } = open();
  pty.print("bye");
  pty.exit(3);
  await session.ended;
  assert.deepEqual(await read(session, 0), ["bye", true]);
  const { state, reason, exit_code, signal, output_end } = session.status();
  assert.deepEqual([state, reason, exit_code, signal, output_end], ["exited", "exit", 3, null, 3]);
  assert.deepEqual(changes.at(-1), "exited");
  // What the program has left in its session goes with it.
  assert.deepEqual(pty.log, ["kill", "close"]);
  assert.throws(() => session.write(new Uint8Array(1)), refuses(Errno.EIO));
  assert.throws(() => session.resize({ cols: 1, rows: 1 }), refuses(Errno.EIO));
});

Deno.test("Session lets the program wait while its output is unread, and loses none of it", async () => {
  const { pty, session } = open();
  const piece = "x".repeat(65_536);
  for (let i = 0; i < 20; i++) pty.print(piece);
  await settled();
  assert.equal(session.outputEnd, 4 * piece.length);
  let at = 0;
  while (at < 20 * piece.length) {
    const { bytes } = await session.read(at, 100_000);
    at += bytes.length;
    await settled();
    assert.ok(session.outputEnd - at <= 5 * piece.length);
  }
  assert.equal(at, 20 * piece.length);
});

Deno.test("Session drops what was read long ago, and says so", async () => {
  const { pty, session } = open();
  for (let i = 0; i < 20; i++) {
    pty.print("x".repeat(65_536));
    await session.read(i * 65_536, 65_536);
  }
  await assert.rejects(session.read(0, 10), (thrown) => {
    assert.ok(thrown instanceof FsError && thrown.errno === Errno.ERANGE);
    assert.match(thrown.message, /the output before byte \d+ was dropped, and byte 0 is asked for/);
    return true;
  });
  const start = Number(session.status()["output_start"]);
  assert.ok(start > 0 && session.outputEnd - start >= 262_144);
  assert.equal((await session.read(start, 10)).bytes.length, 10);
});

Deno.test("Session.write() types in order, and refuses what the program does not take", () => {
  const { pty, session } = open();
  session.write(new TextEncoder().encode("ab"));
  session.write(new TextEncoder().encode("c"));
  assert.deepEqual(pty.log, ["type ab", "type c"]);
  pty.isDeaf = true;
  session.write(new Uint8Array(65_000));
  assert.throws(() => session.write(new Uint8Array(65_000)), refuses(Errno.EAGAIN));
});

Deno.test("Session.resize() passes a new size on, once", () => {
  const { pty, session, changes } = open();
  session.resize({ cols: 80, rows: 24 });
  session.resize({ cols: 100, rows: 30 });
  assert.deepEqual([pty.log, changes, session.size], [["resize 100x30"], ["running"], { cols: 100, rows: 30 }]);
});

Deno.test("Session.close() hangs up, and kills a program that stays", async () => {
  const { pty, clock, session } = open();
  const closed = session.close("closed");
  assert.deepEqual([pty.log, session.status()["state"]], [["hang up"], "ending"]);
  clock.advance(999);
  assert.deepEqual(pty.log, ["hang up"]);
  clock.advance(1);
  await closed;
  assert.deepEqual([session.status()["reason"], session.status()["signal"]], ["closed", "SIGKILL"]);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("Session ends when nobody looks at it, and not before", async () => {
  const { pty, clock, session } = open();
  clock.advance(UNATTENDED_MS - 1);
  const waiting = read(session, 0);
  await settled();
  // A reader waits: somebody is there.
  clock.advance(READ_WAIT_MS);
  await waiting;
  await settled();
  clock.advance(UNATTENDED_MS - 1);
  session.attend();
  clock.advance(UNATTENDED_MS - 1);
  assert.deepEqual(pty.log, []);
  clock.advance(1);
  assert.deepEqual(pty.log, ["hang up"]);
  pty.exit(0);
  await session.ended;
  assert.equal(session.status()["reason"], "unattended");
  assert.equal(clock.pendingTimers, 0);
});
