// A persistent driver that behaves, or misbehaves, as its first argument says. MARKER marks what it starts.
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";

const [behaviour] = process.argv.slice(2);
const marker = process.env.MARKER ?? "-";
const write = (text) => process.stdout.write(text);
const answer = (answer) => write(JSON.stringify(answer) + "\n");
const child = (script) => spawn("sh", ["-c", script, marker], { stdio: ["ignore", "inherit", "inherit"] });
const forever = 'trap "" TERM; while :; do sleep 1; done';
let calls = 0;

/** Each gets a call and the line that it came in. */
const behaviours = {
  // The bytes of the payload, not what JSON.parse makes of them.
  echo: ({ call_id }, line) =>
    write(
      `{"call_id":"${call_id}","ok":true,"result":${
        line.slice(line.indexOf('"payload":') + 10, line.lastIndexOf(","))
      }}\n`,
    ),
  fails() {
    process.stderr.write("no camera");
    process.stdout.write("partial", () => process.exit(9));
  },
  warns: ({ call_id }) => answer({ call_id, ok: true, result: {}, log: "warming up" }),
  kills: () => process.kill(process.pid, "SIGKILL"),
  hangs() {
    child(forever);
    child(forever);
  },
  floods() {
    const more = () => process.stdout.write("y".repeat(65_536), more);
    more();
  },
  floodsLog: ({ call_id }) => answer({ call_id, ok: true, result: {}, log: "y".repeat(5_000) }),
  leavesChild({ call_id }) {
    child("sleep 60; :");
    process.stdout.write(`{"call_id":"${call_id}","ok":true,"result":{}}\n`, () => process.exit(0));
  },
  pid: ({ call_id }) => answer({ call_id, ok: true, result: { pid: process.pid } }),
  refuses: ({ call_id }) => answer({ call_id, ok: false, error: "the lens cap is on", log: "looked twice" }),
  silentEnd: () => process.exit(0),
  twice({ call_id }) {
    answer({ call_id, ok: true, result: 1 });
    answer({ call_id, ok: true, result: 2 });
  },
  chatter({ call_id }) {
    write("hello, I am a print statement\n");
    answer({ call_id, ok: true, result: {} });
  },
  notUtf8({ call_id }) {
    process.stdout.write(
      Buffer.concat([
        Buffer.from(`{"call_id":"${call_id}","ok":true,"result":"`),
        Buffer.of(0xff),
        Buffer.from('"}\n'),
      ]),
    );
  },
  shapeless: ({ call_id }) => answer({ call_id, result: {} }),
  nothing: ({ call_id }) => answer({ call_id, ok: true }),
  crashesOnBad({ call_id, payload }) {
    if (payload.bad) {
      process.stderr.write("bad payload\n", () => process.exit(3));
      return;
    }
    answer({ call_id, ok: true, result: { calls: ++calls, pid: process.pid } });
  },
  stuckOnBad({ call_id, payload }) {
    if (!payload.bad) answer({ call_id, ok: true, result: { pid: process.pid } });
  },
  lateOnBad({ call_id, payload }) {
    if (payload.release) answer({ call_id: payload.release, ok: true, result: "late" });
    if (!payload.bad) answer({ call_id, ok: true, result: { pid: process.pid } });
  },
  chattyStderr({ call_id }) {
    process.stderr.write("x".repeat(1_048_576) + "\nthe end", () => answer({ call_id, ok: true, result: {} }));
  },
  when: ({ call_id, deadline_ms }) => answer({ call_id, ok: true, result: { deadline_ms } }),
};

if (behaviour === "ignoresInput") {
  // Answers what it has read of the line, and reads nothing more.
  process.stdin.once("data", (chunk) => {
    process.stdin.pause();
    answer({ call_id: /"call_id":"([^"]*)"/.exec(chunk.toString())[1], ok: true, result: {} });
    setInterval(() => {}, 1_000);
  });
} else if (behaviour === "endsAtOnce") {
  process.stderr.write("no licence\n", () => process.exit(4));
} else {
  createInterface({ input: process.stdin }).on("line", (line) => behaviours[behaviour](JSON.parse(line), line));
}
