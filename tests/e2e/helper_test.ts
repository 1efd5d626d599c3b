import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { Program, zss } from "./program.ts";

Deno.test("zss driver echo answers with its payload", async () => {
  const { code, stdout } = await zss(["driver", "echo"], { stdin: '{"text":"hi"}' });
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout).echo, { text: "hi" });
});

const roles: readonly (readonly [string, readonly string[]])[] = [
  ["driver", ["server", "--port", "0"]],
  ["driver", ["demo", "--once"]],
  ["driver", []],
  ["driver", ["run", "-A", "cli/main.ts", "demo"]],
  ["wasm", ["driver", "echo"]],
  ["inproc", ["driver", "echo"]],
  ["driver", ["serve", "library.so"]],
  ["plugin", ["node", "run"]],
  ["no-such-role", ["driver", "echo"]],
];
for (const [role, args] of roles) {
  Deno.test(`zss as helper ${role} refuses to be ${args.join(" ") || "nothing"} and starts nothing`, async () => {
    const { code, stdout, stderr } = await zss(args, { env: { ZSS_HELPER: role } });
    assert.equal(code, 3);
    assert.equal(stdout, "");
    assert.match(stderr, /Cannot run helper/);
  });
}

Deno.test({
  name: "zss as helper driver is one process for as long as it runs",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const marker = `ZSS_TEST_MARKER_${crypto.randomUUID()}`;
    const helper = new Program(["driver", "sleep"], {
      env: { ZSS_HELPER: "driver", [marker]: "1" },
      stdin: '{"sleep_ms":60000}',
    });
    // Its first process is there when its environment can be read; others would carry the same marker.
    const seen = () =>
      readdirSync("/proc").filter((name) => /^\d+$/.test(name)).filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/environ`, "utf8").includes(marker);
        } catch {
          return false;
        }
      });
    assert.deepEqual(seen(), [String(helper.child.pid)]);
    const { code } = await helper.end("SIGTERM").then((finished) => finished);
    assert.notEqual(code, 0);
  },
});
