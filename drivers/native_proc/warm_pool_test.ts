import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Driver, InvokeResult } from "../driver.ts";
import type { Clock } from "../process/clock.ts";
import { systemClock } from "../process/clock.ts";
import { ManualClock } from "../process/manual_clock.ts";
import { currentOs } from "../process/os.ts";
import { nativeProcConfig } from "./config.ts";
import { createNativeProcDriver } from "./native_proc.ts";

const ignore = currentOs.name !== "linux";
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function pooled(clock: Clock, script: string, more: Record<string, unknown> = {}): Driver {
  const config = nativeProcConfig.parse({
    type: "native_proc",
    executable_path: "sh",
    args: ["-c", script],
    pool: 2,
    ...more,
  });
  return createNativeProcDriver(config, { clock, cwd: "/", env: process.env });
}

function call(driver: Driver): Promise<InvokeResult> {
  return driver.invoke({
    call_id: crypto.randomUUID(),
    payload: new TextEncoder().encode("{}"),
    timeout_ms: 30_000,
    signal: new AbortController().signal,
  });
}

/** Looks again and again, since there is no event to wait for. */
async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !await isSo(); tries++) {
    assert.ok(tries < 2_000, `it never was so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function test(title: string, run: (folder: string, clock: ManualClock) => Promise<void>): void {
  Deno.test({
    name: `native_proc with a pool ${title}`,
    ignore,
    async fn() {
      const folder = mkdtempSync(join(tmpdir(), "zss-pool-"));
      try {
        await run(folder, new ManualClock());
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  });
}

const lines = (file: string) => existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];

function isAlive(pid: string): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

test("uses each process once, and fills itself when calls pause", async (folder, clock) => {
  const started = join(folder, "started");
  const driver = pooled(clock, `echo $$ >> ${started}; cat >/dev/null; printf '{"pid":%s}' $$`);
  await until("two wait", () => lines(started).length === 2);
  const first = lines(started);
  const used = [JSON.parse(text((await call(driver)).stdout)).pid, JSON.parse(text((await call(driver)).stdout)).pid];
  assert.deepEqual(used.map(String).sort(), first.toSorted());
  clock.advance(5);
  await until("two more wait", () => lines(started).length === 4);
  await driver.close();
  assert.equal(clock.pendingTimers, 0);
  assert.deepEqual(lines(started).filter(isAlive), []);
});

test("never runs a file that has changed since", async (folder, clock) => {
  const file = join(folder, "driver");
  const started = join(folder, "started");
  const write = (version: string) => {
    writeFileSync(`${file}.new`, `#!/bin/sh\necho $$ >> ${started}\ncat >/dev/null\nprintf ${version}\n`, {
      mode: 0o755,
    });
    renameSync(`${file}.new`, file);
  };
  write("old");
  const driver = pooled(clock, "", { executable_path: file, args: [] });
  await until("two wait", () => lines(started).length === 2);
  const old = lines(started);
  write("new");
  assert.equal(text((await call(driver)).stdout), "new");
  await until("the old ones are gone", () => !old.some(isAlive));
  await driver.close();
});

test("never runs a script that has changed since, though its interpreter has not", async (folder, clock) => {
  const script = join(folder, "driver.sh");
  const started = join(folder, "started");
  const write = (version: string) =>
    writeFileSync(script, `echo $$ >> ${started}; cat >/dev/null; printf ${version}\n`);
  write("old");
  const driver = pooled(clock, "", { args: [script] });
  await until("two wait", () => lines(started).length === 2);
  write("newer");
  assert.equal(text((await call(driver)).stdout), "newer");
  await driver.close();
});

test("replaces what ends before its use, the later the more often, and says so", async (folder, clock) => {
  const started = join(folder, "started");
  const driver = pooled(clock, `echo $$ >> ${started}; echo 'no licence' >&2; exit 4`, { pool: 1 });
  await until("it has started", () => lines(started).length === 1);
  const health = async () => (await driver.health()).detail ?? "";
  // The first is replaced with the next look, then it takes longer each time.
  for (const [wait, deaths] of [[1_000, 1], [1_000, 2]] as const) {
    await until("its end can be seen", () => !lines(started).some(isAlive));
    await until("it is looked at", () => clock.pendingTimers === 1);
    clock.advance(wait);
    // Its words too: until they are read, another timer than that of the next look runs.
    await until(
      `${deaths} have ended`,
      async () => (await health()).includes(`(${deaths} in a row, the last one exited with code 4: no licence)`),
    );
    if (deaths === 1) {
      clock.advance(0);
      await until("it was replaced", () => lines(started).length === 2);
    }
  }
  assert.equal((await driver.health()).state, "degraded");
  clock.advance(249);
  assert.equal(lines(started).length, 2);
  clock.advance(1);
  await until("it was replaced again", () => lines(started).length === 3);
  await driver.close();
  assert.equal(clock.pendingTimers, 0);
});

test("is well again once the processes that wait have lived for a while", async (folder, clock) => {
  const started = join(folder, "started");
  const script = `echo $$ >> ${started}; [ $(wc -l < ${started}) -gt 1 ] || exit 4; exec cat`;
  const driver = pooled(clock, script, { pool: 1 });
  await until("it has started", () => lines(started).length === 1);
  await until("its end can be seen", () => !lines(started).some(isAlive));
  await until("it is looked at", () => clock.pendingTimers === 1);
  clock.advance(1_000);
  await until("its end was noticed", async () => (await driver.health()).state === "degraded");
  clock.advance(250);
  await until("it was replaced", () => lines(started).length === 2);
  clock.advance(5_000);
  assert.equal((await driver.health()).state, "degraded");
  clock.advance(5_000);
  await until("it is well", async () => (await driver.health()).state === "online");
  await driver.close();
});

test("leaves nothing behind when its node is killed", async (folder) => {
  const started = join(folder, "started");
  const node = join(folder, "node.mjs");
  const module = new URL("../mod.ts", import.meta.url).href;
  const clock = new URL("../process/clock.ts", import.meta.url).href;
  const args = ["-c", `echo $$ >> ${started}; exec cat`];
  const runtime = JSON.stringify({ type: "native_proc", executable_path: "sh", args, pool: 2 });
  writeFileSync(
    node,
    `const { driverFactories } = await import("${module}"); const { systemClock } = await import("${clock}");
     driverFactories.native_proc(${runtime}, { clock: systemClock, cwd: "/", env: { PATH: "/usr/bin:/bin" } });
     setInterval(() => {}, 1_000);`,
  );
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--config", config, node],
    stdin: "null",
  }).spawn();
  await until("two wait", () => lines(started).length === 2);
  child.kill("SIGKILL");
  await child.status;
  await until("they have ended", () => !lines(started).some(isAlive));
});

Deno.test({
  name: "native_proc runs a pinned program and refuses any other, with both digests",
  ignore,
  async fn() {
    const folder = mkdtempSync(join(tmpdir(), "zss-pin-"));
    const file = join(folder, "driver");
    const digest = (content: string) => createHash("sha256").update(content).digest("hex");
    const [right, wrong] = ["#!/bin/sh\nprintf right\n", "#!/bin/sh\nprintf wrong\n"];
    writeFileSync(file, right, { mode: 0o755 });
    const runtime = { executable_path: file, args: [], sha256: digest(right) };
    const all = [
      pooled(systemClock, "", { ...runtime, pool: 0 }),
      pooled(systemClock, "", runtime),
      pooled(systemClock, "", { ...runtime, pool: 0, mode: "persistent" }),
    ];
    try {
      for (const driver of all.slice(0, 2)) assert.equal(text((await call(driver)).stdout), "right");
      writeFileSync(file, wrong);
      for (const driver of all) {
        const health = await driver.health();
        assert.equal(health.state, "offline");
        assert.ok(health.detail?.includes(digest(wrong)) && health.detail.includes(digest(right)), health.detail ?? "");
      }
      for (const driver of all.slice(0, 2)) {
        const result = await call(driver);
        assert.ok(!result.ok && result.reason === "launch");
        assert.match(result.message, /is not the file that is pinned/);
      }
    } finally {
      await Promise.all(all.map((driver) => driver.close()));
      rmSync(folder, { recursive: true });
    }
  },
});

/** Programs that do what no driver should, and what their caller is told. */
const hostile: readonly (readonly [string, string, RegExp])[] = [
  ["exits with 1", "exit 1", /exited with code 1 after \d+ ms$/],
  ["hangs", "exec sleep 600", /terminated after timeout_ms/],
  ["ignores SIGTERM", "trap '' TERM INT HUP; while :; do sleep 1; done", /terminated after timeout_ms/],
  ["writes a GiB", "exec head -c 1073741824 /dev/zero", /wrote more than 1048576 bytes/],
  ["writes a GiB to standard error", "exec head -c 1073741824 /dev/zero >&2", /wrote more than 1048576 bytes/],
  ["hangs with a daemon beside it", "setsid sleep 600 & exec sleep 600", /timeout_ms.*goes on: sleep \(pid \d+\)$/],
];
for (const pool of [0, 1]) {
  for (const [title, script, message] of hostile) {
    Deno.test({
      name: `native_proc${pool === 0 ? "" : " with a pool"} survives a program that ${title}`,
      ignore,
      async fn() {
        const driver = pooled(systemClock, `cat >/dev/null; ${script}`, { pool });
        const result = await driver.invoke({
          call_id: "c-1",
          payload: new TextEncoder().encode("{}"),
          timeout_ms: /sleep/.test(script) ? 300 : 20_000,
          signal: new AbortController().signal,
        });
        assert.ok(!result.ok);
        assert.match(result.message, message);
        const stray = /\(pid (\d+)\)$/.exec(result.message)?.[1];
        if (stray !== undefined) process.kill(Number(stray), "SIGKILL");
        await driver.close();
      },
    });
  }
}

const harmless: readonly (readonly [string, string, string])[] = [
  ["closes its input", "exec 0<&-; printf '{}'", "{}"],
  ["says nothing and exits with 0", "exit 0", ""],
  ["writes what is not UTF-8", "printf '\\377\\376'", "\xff\xfe"],
];
for (const [title, script, stdout] of harmless) {
  Deno.test({
    name: `native_proc hands on what a program left that ${title}`,
    ignore,
    async fn() {
      const driver = pooled(systemClock, script, { pool: 0 });
      const result = await call(driver);
      assert.equal(result.ok, true);
      assert.deepEqual([...result.stdout], [...stdout].map((character) => character.charCodeAt(0)));
      await driver.close();
    },
  });
}

Deno.test({
  name: "native_proc names a daemon that keeps the outputs of a run open, and does not wait for it",
  ignore,
  async fn() {
    // Before it has left the group, it is ended with it.
    const up = join(tmpdir(), `zss-up-${crypto.randomUUID()}`);
    const script = `setsid sh -c 'touch ${up}; exec sleep 600' & until [ -e ${up} ]; do :; done; rm ${up}; printf '{}'`;
    const driver = pooled(systemClock, script, { pool: 0 });
    const result = await call(driver);
    assert.deepEqual([result.ok, text(result.stdout)], [true, "{}"]);
    const pid = /goes on: sleep \(pid (\d+)\)$/.exec(result.notice ?? "")?.[1];
    assert.ok(pid !== undefined, result.notice ?? "no notice");
    process.kill(Number(pid), "SIGKILL");
    await driver.close();
  },
});

test("leaves no zombie and no open file after hundreds of calls", async (folder) => {
  // In a process of its own: other tests run beside this one, with children and files of theirs.
  const node = join(folder, "node.mjs");
  const module = new URL("../mod.ts", import.meta.url).href;
  const clock = new URL("../process/clock.ts", import.meta.url).href;
  const runtime = JSON.stringify({ type: "native_proc", executable_path: "cat", args: [], pool: 2, concurrency: 8 });
  writeFileSync(
    node,
    `import { readdirSync, readFileSync } from "node:fs";
     const { driverFactories } = await import("${module}"); const { systemClock } = await import("${clock}");
     const open = () => readdirSync("/proc/self/fd").length;
     const driver = driverFactories.native_proc(${runtime}, { clock: systemClock, cwd: "/", env: { PATH: "/usr/bin:/bin" } });
     const payload = new TextEncoder().encode("{}");
     const signal = new AbortController().signal;
     const call = () => driver.invoke({ call_id: crypto.randomUUID(), payload, timeout_ms: 30_000, signal });
     let good = (await call()).ok ? 1 : 0;
     const before = open();
     for (let round = 0; round < 30; round++) {
       good += (await Promise.all(Array.from({ length: 10 }, call))).filter(({ ok }) => ok).length;
     }
     await driver.close();
     const isOurZombie = (pid) => {
       try {
         return new RegExp("^\\\\d+ \\\\(.*\\\\) Z " + Deno.pid + " ", "s").test(readFileSync("/proc/" + pid + "/stat", "utf8"));
       } catch {
         return false;
       }
     };
     const zombies = () => readdirSync("/proc").filter(isOurZombie).length;
     for (let tries = 0; zombies() > 0 && tries < 400; tries++) await new Promise((resolve) => setTimeout(resolve, 5));
     console.log(JSON.stringify({ good, zombies: zombies(), before, after: open() }));`,
  );
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--config", config, node],
    stdin: "null",
  }).output();
  const { good, zombies, before, after } = JSON.parse(text(stdout) || assert.fail(text(stderr)));
  assert.deepEqual([good, zombies], [301, 0]);
  assert.ok(after <= before + 8, `${after} files are open, ${before} before`);
});
