/**
 * The catalog through the real program: what survives, and how one looks at it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ControlConnection } from "../../control/client/mod.ts";
import { systemClock } from "../../drivers/process/mod.ts";
import { eventsSince } from "../../cli/past_events.ts";
import { Scene, zss } from "./program.ts";

/** A node that has joined a scene's server, without a program behind it. */
class Publisher implements AsyncDisposable {
  readonly #scene: Scene;
  #connection: ControlConnection;
  readonly nodeId: string;
  readonly secret: string;

  private constructor(scene: Scene, connection: ControlConnection, nodeId: string, secret: string) {
    this.#scene = scene;
    this.#connection = connection;
    this.nodeId = nodeId;
    this.secret = secret;
  }

  static async join(scene: Scene): Promise<Publisher> {
    const invite = await scene.client("node", "invite", "-o", "name");
    const connection = await connect(scene);
    const joined = await connection.call("node_join", { invite_token: invite.stdout.trim() });
    return new Publisher(scene, connection, String(joined["node_id"]), String(joined["node_secret"]));
  }

  publish(version: string): Promise<Record<string, unknown>> {
    const endpoints = [`/nodes/${this.nodeId}/camera`];
    const services = [{ service_id: "camera", kind: "camera", version, state: "online", endpoints }];
    return this.#connection.call("node_service_upsert", { node_id: this.nodeId, node_secret: this.secret, services });
  }

  eventsSince(revision: number): ReturnType<typeof eventsSince> {
    return eventsSince(this.#connection, revision, undefined);
  }

  async reconnect(): Promise<void> {
    this.#connection.close();
    this.#connection = await connect(this.#scene);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }
}

function connect(scene: Scene): Promise<ControlConnection> {
  return ControlConnection.open({ url: scene.url, token: scene.token, clock: systemClock });
}

/** A generator of numbers below one that is the same in every run (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

Deno.test("kill -9 at random points of 1,000 upserts, 50 times, takes back none that was acknowledged and reuses no revision", async () => {
  const [rounds, upserts] = [50, 1000];
  await using scene = await Scene.open();
  await using node = await Publisher.join(scene);
  const random = randomFrom(7);
  let checked = 0;
  let acknowledgedInAll = 0;
  for (let round = 0; round < rounds; round++) {
    const acknowledged = new Map<number, string>();
    const killAfter = Math.floor(random() * upserts);
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    const pending = Array.from({ length: upserts }, (_, index) => {
      const name = `r${round}v${index}`;
      return node.publish(name).then((reply) => {
        const revision = Number(reply["revision"]);
        assert.ok(!acknowledged.has(revision), `revision ${revision} was given out twice`);
        acknowledged.set(revision, name);
        if (acknowledged.size >= killAfter) reach();
      }, () => {});
    });
    await reached;
    await scene.killServer();
    await Promise.all(pending);
    await scene.startServer(Number(new URL(scene.url).port));
    await node.reconnect();
    // Which of those under way were kept is not known, but those that were answered must be.
    const held = new Map<number, string>();
    for await (const { event, services } of node.eventsSince(checked)) {
      held.set(Number(event["revision"]), Object(services)[0]?.version);
    }
    assert.deepEqual([...held.keys()], Array.from(held, (_, index) => checked + 1 + index), `round ${round}`);
    for (const [revision, name] of acknowledged) assert.equal(held.get(revision), name, `round ${round}`);
    checked += held.size;
    acknowledgedInAll += acknowledged.size;
  }
  assert.ok(acknowledgedInAll > rounds * upserts / 10, `${acknowledgedInAll} were acknowledged`);
  const log = await readFile(join(scene.folder, "data", "node-service-events.ndjson"), "utf8");
  // Empty, where the last event made it rotate.
  const revisions = log.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line).revision);
  assert.deepEqual(revisions, revisions.map((_, index) => checked - revisions.length + 1 + index));
});

Deno.test("zss node events list, diff and export show what happened", async () => {
  await using scene = await Scene.open();
  await using node = await Publisher.join(scene);
  for (const version of ["1", "2"]) await node.publish(version);
  const list = await scene.client("node", "events", "list");
  assert.match(list.stdout, /^REVISION +TIME +KIND +NODE +SERVICES\n1 +\S+ +join +node-1 +\+0 ~0 -0\n2 +\S+ +upsert/);
  const diff = await scene.client("node", "events", "diff", "2", "3");
  assert.equal(diff.stdout, '~ services/camera/version "1" → "2"\n');
  assert.equal((await scene.client("node", "events", "diff", "3", "3")).stdout, "no difference\n");
  const lost = await scene.client("node", "events", "diff", "2", "9");
  assert.match(lost.stderr, /Cannot find event 9/);
  const exported = await scene.client("node", "events", "export", "--since", "1");
  assert.deepEqual(exported.stdout.trim().split("\n").map((line) => JSON.parse(line).event.revision), [2, 3]);
});

Deno.test("zss node service-upsert publishes with the node's secret, zss node delete takes the node away", async () => {
  await using scene = await Scene.open();
  await using node = await Publisher.join(scene);
  await writeFile(join(scene.folder, "secret"), node.secret);
  const services = JSON.stringify([{ service_id: "a", kind: "a", state: "online", endpoints: ["/nodes/node-1/a"] }]);
  const args = ["node", "service-upsert", "node-1", "--secret-file", "secret", "--label", "site=hq"];
  const upsert = await scene.client(...args, "--services-json", services);
  assert.equal(upsert.code, 0, upsert.stderr);
  assert.match(upsert.stdout, /changed=true added=1 .*\n {2}\+ a 1/);
  assert.equal((await scene.client(...args, "--services-json", "{}")).code, 2);
  assert.equal((await scene.client("node", "delete", "node-1")).stdout, "node-1 deleted\n");
  assert.equal((await scene.client("node", "delete", "node-1")).code, 1);
});

Deno.test("zss server verify, backup, restore and compact look after a store that nobody uses", async () => {
  await using scene = await Scene.open();
  const data = join(scene.folder, "data");
  await using node = await Publisher.join(scene);
  await node.publish("1");
  const busy = await scene.client("server", "verify", "--data-dir", data);
  assert.deepEqual([busy.code, /a server uses it/.test(busy.stderr)], [3, true]);
  await scene.killServer();
  const verify = await scene.client("server", "verify", "--data-dir", data);
  assert.equal(verify.code, 0, verify.stderr);
  assert.match(verify.stdout, /is sound: revision 2, 2 events/);
  assert.equal((await scene.client("server", "backup", "b.db", "--data-dir", data)).code, 0);
  assert.equal((await scene.client("server", "backup", "b.db", "--data-dir", data)).code, 3);
  assert.equal((await scene.client("server", "compact", "--data-dir", data)).code, 0);
  const restore = await scene.client("server", "restore", "b.db", "--data-dir", data, "--json");
  const { epoch } = JSON.parse(restore.stdout);
  await scene.startServer(Number(new URL(scene.url).port));
  const gone = await scene.client("node", "watch", "--since", "0123456789abcdef:1", "--strict");
  assert.equal(gone.code, 5);
  const synced = await scene.client("node", "watch", "--until-synced", "--json");
  assert.match(synced.stdout, new RegExp(`"epoch":"${epoch}","revision":2`));
});

Deno.test("GET /metrics and /metrics.json need an admin's token and parse", async () => {
  await using scene = await Scene.open();
  await using node = await Publisher.join(scene);
  await node.publish("1");
  await node.publish("1");
  const base = scene.url.replace("ws:", "http:");
  assert.equal(await fetch(`${base}/metrics`).then(async (response) => (await response.text(), response.status)), 403);
  const headers = { Authorization: `Bearer ${scene.token}` };
  const json = await (await fetch(`${base}/metrics.json`, { headers })).json();
  assert.deepEqual([json.nodes.total, json.nodes.online, json.zss.upserts_total, json.zss.upsert_noops_total], [
    1,
    1,
    2,
    1,
  ]);
  const page = await fetch(`${base}/metrics`, { headers });
  assert.equal(page.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const text = await page.text();
  assert.match(text, /^spiderweb_nodes_online 1$/m);
  if (spawnSync("promtool", ["--version"]).error === undefined) {
    const { stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
    assert.deepEqual(
      `${stdout}${stderr}`.split("\n").filter((line) => line !== "" && !line.startsWith("spiderweb_")),
      [],
    );
  }
});

Deno.test("fifty watchers that connect while upserts run see the same history", async () => {
  await using scene = await Scene.open();
  await using node = await Publisher.join(scene);
  const histories: number[][] = [];
  const connections: ControlConnection[] = [];
  const { epoch } = await node.publish("0").then((reply) => Object(reply["event"]));
  const watchers = Array.from({ length: 50 }, async (_, index) => {
    if (index % 10 === 0) await node.publish(`w${index}`);
    const connection = await connect(scene);
    connections.push(connection);
    const seen: number[] = [];
    histories.push(seen);
    connection.onPush(({ type, payload }) => {
      if (type === "control.node_service_event") seen.push(Object(payload).event.revision);
    });
    await connection.call("node_service_watch", { since: { epoch, revision: 0 } });
  });
  const publishing = (async () => {
    for (let index = 0; index < 60; index++) await node.publish(`v${index}`);
  })();
  await Promise.all([...watchers, publishing]);
  const { revision } = await node.publish("last").then((reply) => Object(reply["event"]));
  const all = Array.from({ length: revision }, (_, index) => index + 1);
  while (!histories.every((seen) => seen.length >= all.length)) await connections[0]?.call("ping", {});
  for (const seen of histories) assert.deepEqual(seen, all);
  for (const connection of connections) connection.close();
});

Deno.test("zss node watch ends with --timeout and with Ctrl-C although nobody reads what it prints", async () => {
  await using scene = await Scene.open();
  await using node = await Publisher.join(scene);
  // More than a pipe holds.
  for (let version = 0; version < 200; version++) await node.publish(`${version}`.padEnd(64, "x"));
  const argv = ["node", "watch", "--json", "--replay-limit", "250", "--timeout", "1500"];
  const unread = { env: scene.env, cwd: scene.folder, isUnread: true };
  assert.equal((await zss(argv, unread)).code, 124);
});

Deno.test("zss node watch says when it is asked for a node that nobody knows, and ends when that is what is waited for", async () => {
  await using scene = await Scene.open();
  const unknown = await scene.client("node", "watch", "node-9", "--until-synced");
  assert.deepEqual([unknown.code, /knows no node "node-9"/.test(unknown.stderr)], [0, true]);
  assert.equal((await scene.client("node", "watch", "node-9", "--until", "deleted")).code, 0);
  assert.equal((await scene.client("node", "watch", "-o", "yaml")).code, 2);
});
