import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { systemClock } from "../../drivers/process/clock.ts";
import { ManualClock } from "../../drivers/process/manual_clock.ts";
import { memoryStore } from "../store/memory.ts";
import { AUDIT_FILE, openAuditLog, verifyAuditLog, verifyGrowingAuditLog } from "./audit_log.ts";
import { type AuditEntry, type AuditLine, ChainCheck, emptyHead, nextLine } from "./chain.ts";

const entry = (target: string, agent_id: string | null = null): AuditEntry => ({
  ...{ timestamp_ms: 5, role: "admin", actor: "admin", agent_id, control_type: "control.node_delete" },
  ...{ scope: "node", target, correlation_id: "c-1", result: "ok", error_code: null, rule: null },
});

const invoked = (target: string, error_code: string | null = null): AuditEntry => {
  const result = error_code === null ? "ok" : "error";
  return { ...entry(target), control_type: "invoke", result, error_code };
};

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "zss-audit-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function chain(count: number): AuditLine[] {
  const lines: AuditLine[] = [];
  for (let index = 0; index < count; index++) lines.push(nextLine(lines.at(-1) ?? emptyHead, entry(`node-${index}`)));
  return lines;
}

function problems(texts: readonly string[], whole: readonly AuditLine[]): readonly string[] {
  const check = new ChainCheck();
  for (const text of texts) check.take(text);
  const last = whole.at(-1);
  check.end(last === undefined ? emptyHead : { id: last.id, hash: last.hash, lines: [] });
  return check.problems;
}

Deno.test("ChainCheck finds nothing in what was written, and any line that was altered, removed, added or moved", () => {
  const count = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(count, fc.nat(), fc.nat(), fc.constantFrom("alter", "remove", "add", "swap"), (n, a, b, how) => {
      const lines = chain(n);
      const texts = lines.map((line) => JSON.stringify(line));
      assert.deepEqual(problems(texts, lines), []);
      const [one, other] = [a % n, b % n];
      const changed = [...texts];
      if (how === "alter") changed[one] = JSON.stringify({ ...lines[one], target: "node-x" });
      if (how === "remove") changed.splice(one, 1);
      if (how === "add") changed.splice(one, 0, texts[other] ?? "");
      if (how === "swap") {
        if (one === other) return;
        [changed[one], changed[other]] = [texts[other] ?? "", texts[one] ?? ""];
      }
      assert.notEqual(problems(changed, lines).length, 0);
    }),
  );
});

Deno.test("ChainCheck is not deceived by a chain that was made anew from the changed line on", () => {
  const lines = chain(3);
  const forged = [nextLine(emptyHead, entry("node-x"))];
  for (const line of lines.slice(1)) forged.push(nextLine(forged.at(-1) ?? emptyHead, line));
  assert.match(problems(forged.map((line) => JSON.stringify(line)), lines).join(), /another one than was written/);
});

Deno.test("openAuditLog() writes in order, for its owner only, and goes on with the chain after a restart", () =>
  inFolder(async (folder) => {
    const store = memoryStore({ epoch: "e" });
    for (const round of ["a", "b"]) {
      const log = await openAuditLog(folder, store, systemClock);
      for (const number of [1, 2, 3]) log.write(entry(`${round}${number}`, round));
      await log.close();
    }
    const last = await openAuditLog(folder, store, systemClock);
    assert.deepEqual(last.tail(2).map(({ target }) => target), ["b3", "b2"]);
    assert.deepEqual(last.tail(9, "a").map(({ id }) => id), [3, 2, 1]);
    assert.deepEqual((await verifyAuditLog(folder, store.get("audit", "head"))).problems, []);
    assert.equal((await Deno.stat(join(folder, AUDIT_FILE))).mode ?? 0 & 0o077, 0o100600);
  }));

Deno.test("openAuditLog() adds what a crash kept from the file, and takes away half a line", () =>
  inFolder(async (folder) => {
    const store = memoryStore({ epoch: "e" });
    const log = await openAuditLog(folder, store, systemClock);
    for (const target of ["a", "b"]) log.write(entry(target));
    await log.close();
    const file = join(folder, AUDIT_FILE);
    const whole = await readFile(file, "utf8");
    await truncate(file, whole.length - 7);
    assert.match((await verifyAuditLog(folder, store.get("audit", "head"))).problems.join(), /the store holds them/);
    await (await openAuditLog(folder, store, systemClock)).close();
    assert.equal(await readFile(file, "utf8"), whole);
    await appendFile(file, '{"id":3,"ha');
    await (await openAuditLog(folder, store, systemClock)).close();
    assert.equal(await readFile(file, "utf8"), whole);
  }));

Deno.test("openAuditLog() keeps what could not be written, and writes it with the next entry", () =>
  inFolder(async (folder) => {
    const store = memoryStore({ epoch: "e" });
    const log = await openAuditLog(folder, store, systemClock);
    // A folder in the place of the file stands for a disk that takes nothing.
    await Deno.mkdir(join(folder, AUDIT_FILE));
    log.write(entry("a"));
    await log.close();
    await rm(join(folder, AUDIT_FILE), { recursive: true });
    log.write(entry("b"));
    await log.close();
    const report = await verifyAuditLog(folder, store.get("audit", "head"));
    assert.deepEqual([report.lines, report.problems], [2, []]);
  }));

Deno.test("verifyAuditLog() says when the file is gone, and nothing where nothing was ever written", () =>
  inFolder(async (folder) => {
    assert.deepEqual((await verifyAuditLog(folder, undefined)).problems, []);
    const [line] = chain(1);
    const head = { id: 1, hash: line?.hash ?? "", lines: [] };
    assert.match((await verifyAuditLog(folder, head)).problems.join(), /cannot be read.*are missing at the end/s);
    await writeFile(join(folder, AUDIT_FILE), "no entry\n");
    assert.match((await verifyAuditLog(folder, head)).problems.join(), /line 1 is no entry/);
  }));

Deno.test("openAuditLog() holds the newest entries for audit_tail, and no more", () =>
  inFolder(async (folder) => {
    const audit = await openAuditLog(folder, memoryStore({ epoch: "e" }), systemClock);
    for (let index = 0; index < 1200; index++) audit.write(entry(`${index}`));
    assert.deepEqual([audit.tail(1)[0]?.target, audit.tail(1000).length], ["1199", 500]);
    await audit.close();
  }));

Deno.test("openAuditLog() gathers permitted invokes, until something may not wait or it is closed", () =>
  inFolder(async (folder) => {
    const store = memoryStore({ epoch: "e" });
    const clock = new ManualClock();
    const log = await openAuditLog(folder, store, clock);
    const written = () => store.get("audit", "head")?.id ?? 0;
    const turns = async () => {
      for (let count = 0; count < 5; count++) await new Promise((resolve) => setImmediate(resolve));
    };
    log.write(invoked("a"));
    clock.advance(10);
    log.write(invoked("b", "driver_failed"));
    await turns();
    assert.deepEqual([written(), log.tail(1)[0]?.target], [0, "b"]);
    clock.advance(10);
    await turns();
    assert.equal(written(), 2);
    log.write(invoked("c"));
    log.write(invoked("d", "eperm"));
    while (written() < 4) await turns();
    log.write(invoked("e"));
    await log.close();
    const { lines, problems } = await verifyAuditLog(folder, store.get("audit", "head"));
    assert.deepEqual([lines, problems, written()], [5, [], 5]);
  }));

Deno.test("openAuditLog() goes on from what it wrote and not from a file that was changed, so verify still finds it", () =>
  inFolder(async (folder) => {
    const store = memoryStore({ epoch: "e" });
    const log = await openAuditLog(folder, store, systemClock);
    for (const target of ["a", "b", "c"]) log.write(entry(target));
    await log.close();
    const lines = chain(2);
    const forged = [
      ...lines,
      nextLine(lines[1] ?? emptyHead, entry("forged")),
      nextLine(lines[0] ?? emptyHead, entry("x")),
    ];
    await writeFile(join(folder, AUDIT_FILE), forged.map((line) => JSON.stringify(line) + "\n").join(""));
    const again = await openAuditLog(folder, store, systemClock);
    again.write(entry("d"));
    await again.close();
    assert.notDeepEqual((await verifyAuditLog(folder, store.get("audit", "head"))).problems, []);
  }));

Deno.test("verifyGrowingAuditLog() reads to the last whole line, and wants the entry that the server holds", () =>
  inFolder(async (folder) => {
    const lines = chain(4);
    const texts = lines.map((line) => `${JSON.stringify(line)}\n`);
    const [, second, , fourth] = lines;
    const file = join(folder, AUDIT_FILE);
    const verify = async (content: string, newest = fourth) => {
      await writeFile(file, content);
      const { problems, isBehind, lines } = await verifyGrowingAuditLog(folder, newest);
      return { problems: problems.join("; "), isBehind, lines };
    };
    const sound = { problems: "", isBehind: false };
    assert.deepEqual(await verify(texts.join("")), { ...sound, lines: 4 });
    assert.deepEqual(await verify(texts.join(""), second), { ...sound, lines: 4 });
    assert.deepEqual(await verify(texts.slice(0, 2).join("") + texts[2]?.slice(0, 30), second), { ...sound, lines: 2 });
    const behind = await verify(texts.slice(0, 3).join("") + texts[3]?.slice(0, -1));
    assert.deepEqual(behind, { problems: "entries 4 to 4 are missing at the end", isBehind: true, lines: 3 });
    assert.match((await verify(texts.join("").replace("node-1", "node-x"))).problems, /line 2 \(id 2\) was altered/);
    const anew = texts.join("");
    assert.match(
      (await verify(anew, fourth && { ...fourth, hash: "f".repeat(64) })).problems,
      /entry 4 is another one/,
    );
    await rm(file);
    assert.deepEqual((await verifyGrowingAuditLog(folder, undefined)).problems, []);
    assert.equal((await verifyGrowingAuditLog(folder, fourth)).problems.length, 2);
  }));
