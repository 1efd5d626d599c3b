import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
// @ts-types="@types/ws"
import { WebSocketServer } from "ws";
import { ControlConnection, openSocket, urlWithPath } from "../../control/client/mod.ts";
import { isObject, parseJson } from "../../control/protocol/mod.ts";
import { type RunningServer, startServer, systemRandom, watchConfigFrom } from "../../control/server/mod.ts";
import { ManualClock } from "../../drivers/process/manual_clock.ts";
import { Link, type LinkEvent, type LinkOptions } from "./link.ts";
import { type Credentials, pairByInvite } from "./pair.ts";

/** Events of one link, to be waited for one by one. */
class Events {
  readonly #seen: LinkEvent[] = [];
  #wake = Promise.withResolvers<void>();

  readonly report = (event: LinkEvent): void => {
    this.#seen.push(event);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  };

  /** The next event of this type; forgets those before it. */
  async next<Type extends LinkEvent["type"]>(type: Type): Promise<Extract<LinkEvent, { type: Type }>> {
    for (;;) {
      for (let event = this.#seen.shift(); event !== undefined; event = this.#seen.shift()) {
        if (isOf(event, type)) return event;
      }
      await this.#wake.promise;
    }
  }

  /** What was seen and not waited for. */
  get rest(): readonly LinkEvent[] {
    return this.#seen;
  }
}

function isOf<Type extends LinkEvent["type"]>(
  event: LinkEvent,
  type: Type,
): event is Extract<LinkEvent, { type: Type }> {
  return event.type === type;
}

/** A server with its data, and what runs against it. */
class Scene implements AsyncDisposable {
  /** Of the links; the server has one of its own that stands still. */
  readonly clock = new ManualClock();
  readonly #folder: string;
  readonly #ends: (() => Promise<unknown>)[] = [];
  #server: RunningServer;
  #admin: ControlConnection | undefined;

  private constructor(folder: string, server: RunningServer) {
    this.#folder = folder;
    this.#server = server;
  }

  static async open(): Promise<Scene> {
    const folder = await mkdtemp(join(tmpdir(), "zss-link-"));
    return new Scene(folder, await serverIn(join(folder, "data"), 0));
  }

  get url(): string {
    return this.#server.url;
  }

  async stop(): Promise<void> {
    this.#admin?.close();
    await this.#admin?.ended;
    this.#admin = undefined;
    await this.#server.close();
  }

  /** Starts the server on the port that it had, with the data that it had unless other is named. */
  async start(data = "data"): Promise<void> {
    this.#server = await serverIn(join(this.#folder, data), Number(new URL(this.url).port));
  }

  async admin(): Promise<ControlConnection> {
    return this.#admin ??= await ControlConnection.open({ url: this.url, token: "admin", clock: this.clock });
  }

  /** Pairs a node. */
  async pair(): Promise<Credentials> {
    const { invite_token } = await (await this.admin()).call("node_invite_create", {});
    return await pairByInvite({
      controlUrl: this.url,
      token: undefined,
      inviteToken: String(invite_token),
      nodeName: "edge",
      leaseTtlMs: 900_000,
      clock: this.clock,
    });
  }

  /** Runs a link until the scene ends, or it ends by itself. */
  run(credentials: Credentials, options: Partial<LinkOptions> = {}) {
    const events = new Events();
    const saved: Credentials[] = [];
    const link = new Link({
      controlUrl: this.url,
      token: undefined,
      leaseTtlMs: 900_000,
      refreshIntervalMs: 60_000,
      backoff: { baseMs: 5_000, maxMs: 60_000 },
      clock: this.clock,
      random: () => 0,
      catalog: () => catalogOf("echo"),
      serve: () => ({ handle: () => Promise.resolve(), close: () => {} }),
      save: (fresh) => Promise.resolve(void saved.push(fresh)),
      report: events.report,
      ...options,
    }, credentials);
    const stop = new AbortController();
    const running = link.run(stop.signal);
    const end = () => {
      stop.abort();
      return running.catch(() => undefined);
    };
    this.#ends.push(end);
    return { link, events, saved, running, end };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#ends.map((end) => end()));
    await this.stop();
    await rm(this.#folder, { recursive: true });
  }
}

function serverIn(dataDir: string, port: number): Promise<RunningServer> {
  return startServer({
    bind: "127.0.0.1",
    port,
    dataDir,
    adminToken: "admin",
    maxAnonymousSockets: 256,
    pingIntervalMs: 20_000,
    offlineGraceMs: 86_400_000,
    watch: watchConfigFrom({}),
  }, { clock: new ManualClock(), random: systemRandom });
}

function catalogOf(...ids: readonly string[]) {
  return {
    platform: { os: "linux", arch: "x86_64", runtime_kind: "native" },
    labels: { site: "berlin" },
    services: ids.map((service_id) => ({
      service_id,
      kind: "echo",
      version: "1",
      state: "online",
      endpoints: [`/nodes/n/${service_id}`],
      capabilities: {},
      mounts: [],
      ops: {},
      runtime: { type: "native_proc" },
      permissions: {},
      schema: {},
    })),
  };
}

async function serviceIds(scene: Scene, { node_id }: Credentials): Promise<unknown[]> {
  const { services } = await (await scene.admin()).call("node_service_get", { node_id });
  assert(Array.isArray(services));
  return services.map((service: unknown) => isObject(service) ? service["service_id"] : undefined);
}

Deno.test("Link opens the tunnel, publishes the catalog and renews the lease before it says online", async () => {
  await using scene = await Scene.open();
  const credentials = await scene.pair();
  const { events, saved } = scene.run(credentials);
  assert.deepEqual(await events.next("published"), { type: "published", services: 1, changed: true });
  assert.deepEqual(await events.next("online"), { type: "online", services: 1 });
  assert.deepEqual(await serviceIds(scene, credentials), ["echo"]);
  const [fresh] = saved;
  assert.equal(fresh?.node_secret, credentials.node_secret);
  assert.notEqual(fresh?.lease_token, credentials.lease_token);
  assert.equal(fresh?.fs_url, `${scene.url}/v2/fs/node/${credentials.node_id}`);
});

Deno.test("Link renews the lease at every interval and publishes nothing for that", async () => {
  await using scene = await Scene.open();
  const renewed: (() => void)[] = [];
  const tokens = new Set<string>();
  const { events } = scene.run(await scene.pair(), {
    save: ({ lease_token }) => {
      tokens.add(lease_token);
      renewed.shift()?.();
      return Promise.resolve();
    },
  });
  await events.next("online");
  for (let round = 0; round < 3; round++) {
    const next = new Promise<void>((resolve) => renewed.push(resolve));
    scene.clock.advance(60_000);
    await next;
    // The next wait begins once the answer was saved.
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
  }
  assert.equal(tokens.size, 4);
  assert.deepEqual(events.rest.map(({ type }) => type), ["lease_refreshed", "lease_refreshed", "lease_refreshed"]);
});

Deno.test("Link.catalogChanged() publishes once for several changes, and tells when nothing is new", async () => {
  await using scene = await Scene.open();
  const credentials = await scene.pair();
  let ids = ["echo"];
  const { link, events } = scene.run(credentials, { catalog: () => catalogOf(...ids) });
  await events.next("online");
  ids = ["echo", "slow"];
  link.catalogChanged();
  link.catalogChanged();
  link.catalogChanged();
  assert.deepEqual(await events.next("published"), { type: "published", services: 2, changed: true });
  assert.deepEqual(await serviceIds(scene, credentials), ["echo", "slow"]);
  link.catalogChanged();
  assert.deepEqual(await events.next("published"), { type: "published", services: 2, changed: false });
  assert.deepEqual(events.rest, []);
});

Deno.test("Link goes on with the last catalog when the server refuses the next one", async () => {
  await using scene = await Scene.open();
  const credentials = await scene.pair();
  let ids = ["echo"];
  const { link, events } = scene.run(credentials, { catalog: () => catalogOf(...ids) });
  await events.next("online");
  ids = ["echo", "echo"];
  link.catalogChanged();
  assert.match((await events.next("catalog_refused")).reason, /"echo" is taken by entry 0/);
  assert.deepEqual(await serviceIds(scene, credentials), ["echo"]);
  ids = ["slow"];
  link.catalogChanged();
  assert.deepEqual(await events.next("published"), { type: "published", services: 1, changed: true });
  assert.deepEqual(events.rest, []);
});

Deno.test("Link hands the frames of clients to its handler and the answers back, and ends the handler with the tunnel", async () => {
  await using scene = await Scene.open();
  const credentials = await scene.pair();
  const closed = Promise.withResolvers<void>();
  const { events, end } = scene.run(credentials, {
    serve: (send) => ({
      handle: (text) => {
        const frame = parseJson(text);
        assert(isObject(frame));
        // Of the tunnel, and nobody's request.
        if (frame["type"] === "acheron.t_fs_subscribe") return Promise.resolve();
        const type = String(frame["type"]).replace("t_fs", "r_fs");
        send(JSON.stringify({ channel: "acheron", type, tag: frame["tag"], ok: true, payload: { seen: true } }));
        return Promise.resolve();
      },
      close: closed.resolve,
    }),
  });
  await events.next("online");
  const socket = await openSocket({ url: urlWithPath(scene.url, `/v2/fs/node/${credentials.node_id}`) });
  const gone = new Promise<string>((resolve) => socket.onClose(resolve));
  const answers: string[] = [];
  const answered = new Promise<void>((resolve) =>
    socket.onText((text) => {
      answers.push(text);
      if (answers.length === 2) resolve();
    })
  );
  const hello = { protocol: "unified-v2-fs", proto: 2, auth_token: credentials.node_secret };
  socket.send(JSON.stringify({ channel: "acheron", type: "acheron.t_fs_hello", tag: 4, payload: hello }));
  socket.send(JSON.stringify({ channel: "acheron", type: "acheron.t_fs_exports", tag: 5 }));
  await answered;
  assert.equal(
    answers[1],
    '{"channel":"acheron","type":"acheron.r_fs_exports","tag":5,"ok":true,"payload":{"seen":true}}',
  );
  socket.close();
  await gone;
  await end();
  await closed.promise;
});

Deno.test("Link comes back with a growing wait when the server restarts, as the same node", async () => {
  await using scene = await Scene.open();
  const credentials = await scene.pair();
  const { events, link } = scene.run(credentials);
  await events.next("online");
  await scene.stop();
  const waits: number[] = [];
  for (let round = 0; round < 3; round++) {
    const { reason, retry_in_ms } = await events.next("lost");
    assert.notEqual(reason, "");
    waits.push(retry_in_ms);
    if (round === 2) {
      await scene.start();
    }
    link.catalogChanged();
    scene.clock.advance(retry_in_ms);
  }
  assert.deepEqual(waits, [5_000, 10_000, 20_000]);
  assert.deepEqual(await events.next("published"), { type: "published", services: 1, changed: false });
  await events.next("online");
  assert.deepEqual(await serviceIds(scene, credentials), ["echo"]);
  await scene.stop();
  assert.equal((await events.next("lost")).retry_in_ms, 5_000, "a connection that stood begins anew");
  await scene.start();
});

Deno.test("Link ends with node_auth_failed when the server does not know the node any more", async () => {
  await using scene = await Scene.open();
  const { events, running } = scene.run(await scene.pair());
  await events.next("online");
  const ended = assert.rejects(running, { name: "ZssError", code: "node_auth_failed" });
  await scene.stop();
  await scene.start("another");
  scene.clock.advance((await events.next("lost")).retry_in_ms);
  await ended;
});

Deno.test("Link ends with node_auth_failed when its hello is refused, and makes no handler", async () => {
  await using scene = await Scene.open();
  const credentials = { ...await scene.pair(), node_secret: "wrong" };
  const { running, events } = scene.run(credentials, { serve: () => assert.fail("nothing to serve") });
  await assert.rejects(running, {
    code: "node_auth_failed",
    message: "Cannot open the tunnel: the server refused it: NodeAuthFailed",
  });
  assert.deepEqual(events.rest, []);
});

Deno.test("Link ends with lease_superseded when a second copy of the node has come, and the second stays", async () => {
  await using scene = await Scene.open();
  const credentials = await scene.pair();
  const first = scene.run(credentials);
  await first.events.next("online");
  const superseded = assert.rejects(first.running, (error) => {
    assert(error instanceof Error && "code" in error && "hint" in error);
    assert.equal(error.code, "lease_superseded");
    assert.match(String(error.hint), /stop one of/);
    return true;
  });
  const second = scene.run(credentials);
  await second.events.next("online");
  await superseded;
  second.link.catalogChanged();
  assert.equal((await second.events.next("published")).changed, false);
});

Deno.test("Link ends with provider_auth_failed for a token that the server does not know, and invalid_url for no address", async () => {
  await using scene = await Scene.open();
  const credentials = await scene.pair();
  await assert.rejects(scene.run(credentials, { token: "nobody" }).running, { code: "provider_auth_failed" });
  await assert.rejects(scene.run(credentials, { controlUrl: "http://h" }).running, { code: "invalid_url" });
});

Deno.test("Link goes on when the renewed lease cannot be kept", async () => {
  await using scene = await Scene.open();
  const { events, link } = scene.run(await scene.pair(), {
    save: () => Promise.reject(new Error("no space left on device")),
  });
  await events.next("online");
  link.catalogChanged();
  assert.equal((await events.next("published")).changed, false);
});

Deno.test("Link.run() lets the credentials be kept to the end when it is ended meanwhile", async () => {
  await using scene = await Scene.open();
  const saving = Promise.withResolvers<void>();
  const kept = Promise.withResolvers<void>();
  const { end } = scene.run(await scene.pair(), {
    save: () => {
      saving.resolve();
      return kept.promise;
    },
  });
  await saving.promise;
  let ended = false;
  const ending = end().then(() => ended = true);
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
  assert.equal(ended, false);
  kept.resolve();
  await ending;
});

Deno.test("Link.run() ends at once while it waits for the next try", async () => {
  await using scene = await Scene.open();
  const { events, end } = scene.run(await scene.pair());
  await events.next("online");
  await scene.stop();
  await events.next("lost");
  await end();
  assert.equal(scene.clock.pendingTimers, 0);
  await scene.start();
});

Deno.test("Link.run() ends at once while a server says nothing", async () => {
  await using scene = await Scene.open();
  const credentials = await scene.pair();
  const silent = createServer();
  const sockets = new WebSocketServer({ server: silent });
  const asked = new Promise<void>((resolve) =>
    sockets.on("connection", (socket) => socket.on("message", () => resolve()))
  );
  const { end } = scene.run(credentials, { controlUrl: await listening(silent) });
  await asked;
  await end();
  const closed = Promise.all([...sockets.clients].map((socket) => new Promise((done) => socket.once("close", done))));
  for (const socket of sockets.clients) socket.close();
  await closed;
  await new Promise((done) => silent.close(done));
});

function listening(server: Server): Promise<string> {
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      assert(typeof address === "object" && address !== null);
      resolve(`ws://127.0.0.1:${address.port}`);
    })
  );
}

Deno.test("Link publishes its catalog again when somebody else has published in the node's name", async () => {
  await using scene = await Scene.open();
  const credentials = await scene.pair();
  const { node_id, node_secret } = credentials;
  const admin = await scene.admin();
  const { events } = scene.run(credentials);
  await events.next("online");
  await admin.call("node_service_upsert", { node_id, node_secret, services: [] });
  scene.clock.advance(60_000);
  assert.deepEqual(await events.next("published"), { type: "published", services: 1, changed: true });
  const { services } = await admin.call("node_service_get", { node_id });
  assert.ok(Array.isArray(services) && services.length === 1);
});

Deno.test("Link.run() gives the lease back at its end, so that the node is offline at once, and online when it is back", async () => {
  await using scene = await Scene.open();
  const credentials = await scene.pair();
  const admin = await scene.admin();
  const state = async () => {
    const { node } = await admin.call("node_get", { node_id: credentials.node_id });
    return isObject(node) ? node["state"] : undefined;
  };
  const first = scene.run(credentials);
  await first.events.next("online");
  assert.equal(await state(), "online");
  await first.end();
  assert.equal(await state(), "offline");
  await scene.run(credentials).events.next("online");
  assert.equal(await state(), "online");
  const { events } = await admin.call("node_service_events", { node_id: credentials.node_id });
  assert.ok(Array.isArray(events));
  const kinds = events.map((each: unknown) => isObject(each) && isObject(each["event"]) ? each["event"]["kind"] : each);
  assert.deepEqual(kinds, ["join", "upsert", "offline", "online"]);
});

Deno.test("Link.run() of an earlier copy takes no newer one offline", async () => {
  await using scene = await Scene.open();
  const credentials = await scene.pair();
  const admin = await scene.admin();
  const first = scene.run(credentials);
  await first.events.next("online");
  const { lease_generation } = await admin.call("node_lease_refresh", credentials);
  const { node_id, node_secret } = credentials;
  const older = { node_id, node_secret, lease_generation: Number(lease_generation) - 1, release: true };
  await assert.rejects(admin.call("node_lease_refresh", older), { code: "lease_superseded" });
  await assert.rejects(admin.call("node_lease_refresh", { ...older, node_secret: "wrong" }), {
    code: "node_auth_failed",
  });
  const { node } = await admin.call("node_get", { node_id });
  assert.equal(isObject(node) && node["state"], "online");
});

Deno.test("pairByInvite() brings the same node again for the same key when its answer was lost, until it was used", async () => {
  await using scene = await Scene.open();
  const { invite_token } = await (await scene.admin()).call("node_invite_create", {});
  const join = (joinKey: string | undefined) =>
    pairByInvite({
      controlUrl: scene.url,
      token: undefined,
      inviteToken: String(invite_token),
      joinKey,
      nodeName: "edge",
      leaseTtlMs: 900_000,
      clock: scene.clock,
    });
  const lost = await join("join-1");
  const again = await join("join-1");
  assert.equal(again.node_id, lost.node_id);
  assert.notEqual(again.node_secret, lost.node_secret);
  for (const key of ["join-2", undefined]) await assert.rejects(join(key), { code: "invite_redeemed" });
  await assert.rejects(scene.run(lost).running, { code: "node_auth_failed" });
  await scene.run(again).events.next("online");
  await assert.rejects(join("join-1"), { code: "invite_redeemed" });
});

/** What a link makes of a server that answers the hello of its tunnel with this frame. */
async function endAfterHello(frame: object): Promise<unknown> {
  await using scene = await Scene.open();
  const credentials = await scene.pair();
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => socket.on("message", () => socket.send(JSON.stringify(frame))));
  const { running, events, end } = scene.run(credentials, { controlUrl: await listening(server) });
  const ended = running.then(() => undefined, (error) => error);
  const outcome = await Promise.race([ended, events.next("lost").then(() => "tries again")]);
  await end();
  await Promise.all([...sockets.clients].map((socket) =>
    new Promise<void>((done) => {
      socket.once("close", () => done());
      socket.close();
    })
  ));
  await new Promise((done) => server.close(done));
  return outcome instanceof Error && "code" in outcome ? outcome.code : outcome;
}

Deno.test("fs hello identity errors are detected", async () => {
  const refusal = (message: string, place: string) =>
    endAfterHello({ channel: "acheron", type: "acheron.err_fs", tag: 1, ok: false, [place]: { errno: 13, message } });
  // The reference looks for the text in the payload, where its own server never puts it.
  assert.equal(await refusal("NodeAuthFailed", "error"), "node_auth_failed");
  assert.equal(await refusal("NodeNotFound: node-7", "error"), "node_auth_failed");
  assert.equal(await refusal("input/output error", "error"), "tries again");
});
