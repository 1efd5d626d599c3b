import assert from "node:assert/strict";
import { eventsNow, eventStart, isEventStream, linesBehind, requireHeld } from "./event_lines.ts";

Deno.test("isEventStream() knows the streams, and takes no file of a node for one", () => {
  for (const path of ["/events", "/nodes/node-1/events", "/debug/stream.log"]) assert.ok(isEventStream(path), path);
  for (const path of ["/nodes/node-1/fs/work/events", "/nodes/events", "/projects/p/events", "/"]) {
    assert.ok(!isEventStream(path), path);
  }
});

Deno.test("eventStart() reads a place or a revision, and refuses the rest with what is wanted", () => {
  assert.deepEqual(eventStart("4f0c:12"), { epoch: "4f0c", revision: 12 });
  assert.deepEqual(eventStart("0"), { revision: 0 });
  for (const text of ["", "-1", "now", "4f0c:", ":3"]) {
    assert.throws(() => eventStart(text), { code: "usage", message: /<epoch>:<revision> or a revision is wanted/ });
  }
});

Deno.test("requireHeld() refuses a place that the server does not hold, with the one that it does", () => {
  const now = { epoch: "e1", revision: 9, oldest: 5 };
  requireHeld({ revision: 0 }, now);
  requireHeld({ revision: 4 }, now);
  requireHeld({ epoch: "e1", revision: 9 }, now);
  assert.throws(() => requireHeld({ revision: 3 }, now), { code: "history_gone", hint: /--since 4/ });
  assert.throws(() => requireHeld({ revision: 10 }, now), { code: "future_revision" });
  assert.throws(() => requireHeld({ epoch: "e0", revision: 9 }, now), { code: "epoch_changed" });
});

Deno.test("linesBehind() passes over what stands before the place, and shows what has none", async () => {
  async function* lines(): AsyncGenerator<string> {
    await Promise.resolve();
    for (const revision of [1, 2, 3]) yield JSON.stringify({ event: { revision } });
    yield "{}";
  }
  const behind = async (revision: number) => (await Array.fromAsync(linesBehind(lines(), revision))).length;
  assert.deepEqual([await behind(0), await behind(2), await behind(3)], [4, 2, 1]);
});

Deno.test("eventsNow() asks for admins only, so that nobody is refused", async () => {
  const server = (role: string) => {
    const asked: string[] = [];
    const call = (name: string) => {
      asked.push(name);
      return Promise.resolve(name === "connect" ? { role } : { epoch: "e1", revision: 7, oldest_revision: 2 });
    };
    return { asked, call };
  };
  const [admin, user] = [server("admin"), server("user")];
  assert.deepEqual(await eventsNow(admin), { epoch: "e1", revision: 7, oldest: 2 });
  assert.equal(await eventsNow(user), undefined);
  assert.deepEqual(user.asked, ["connect"]);
});
