import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { connect } from "node:net";
import { ManualClock } from "../../drivers/process/manual_clock.ts";
import { type MetricsServer, openMetricsServer } from "./metrics_server.ts";
import { nodeExposition } from "./node_exposition.ts";
import { NodeMeters } from "./node_meters.ts";

/** Meters of a node with two services, one of which has a hostile id that no manifest may have. */
function busyMeters(clock = new ManualClock()): NodeMeters {
  const meters = new NodeMeters({ version: "0.1.0", mode: "paired" }, clock, () => 4096);
  const service = { state: "online", enabled: true, invokes_total: 3, failures_total: 1, timeouts_total: 0 } as const;
  meters.takeServicesFrom(() => [
    { ...service, service_id: "echo", restarts_total: 0, running: 1, queued: 2 },
    { ...service, service_id: 'a"b\\c\nd', state: "degraded", restarts_total: 1, running: 0, queued: 0 },
  ]);
  meters.takeClientsFrom(() => ({ connected: 1, refused_total: 2, slow_total: 3 }));
  meters.ran({ runtime: "native_proc", duration_ms: 3, outcome: "ok" });
  meters.ran({ runtime: "native_proc", duration_ms: 40_000, outcome: "timeout" });
  meters.leaseRefreshed();
  meters.connected();
  meters.lost();
  meters.connected();
  meters.published(true);
  meters.found(1, 2);
  return meters;
}

function textOf(meters: NodeMeters): string {
  return nodeExposition(meters.numbers(), meters.durations);
}

Deno.test("nodeExposition() counts a run in every bucket that holds it, and names services safely", () => {
  const text = textOf(busyMeters());
  for (
    const line of [
      'zss_node_run_seconds_bucket{runtime="native_proc",le="0.0025"} 0',
      'zss_node_run_seconds_bucket{runtime="native_proc",le="0.005"} 1',
      'zss_node_run_seconds_bucket{runtime="native_proc",le="60"} 2',
      'zss_node_run_seconds_count{runtime="native_proc"} 2',
      'zss_node_service_queued{service="echo"} 2',
      'zss_node_service_queued{service="a\\"b\\\\c\\nd"} 0',
      'zss_node_service_state{service="echo",state="online"} 1',
      'zss_node_link_state{state="online"} 1',
      'zss_node_link_state{state="pairing"} 0',
      "zss_node_reconnects_total 1",
      "zss_node_clients_slow_total 3",
    ]
  ) assert.ok(text.split("\n").includes(line), line);
});

Deno.test("nodeExposition() leaves out what there is not: a lease, services, clients", () => {
  const meters = new NodeMeters({ version: "0.1.0", mode: "standalone" }, new ManualClock(), () => 1);
  const text = textOf(meters);
  assert.doesNotMatch(text, /lease_age|zss_node_service_|zss_node_clients|run_seconds/);
  assert.match(text, /^zss_node_services 0$/m);
});

Deno.test("NodeMeters tells the age of the lease by a clock that nobody sets", () => {
  const clock = new ManualClock();
  const meters = busyMeters(clock);
  clock.jumpWall(-1_000_000);
  clock.advance(61_000);
  assert.equal(meters.numbers().link.lease_age_ms, 61_000);
});

Deno.test("promtool finds nothing in nodeExposition()", {
  ignore: spawnSync("promtool", ["--version"]).error !== undefined,
}, () => {
  for (
    const meters of [
      busyMeters(),
      new NodeMeters({ version: "", mode: "standalone" }, new ManualClock(), () => 1),
    ]
  ) {
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
      input: textOf(meters),
      encoding: "utf8",
    });
    assert.deepEqual([status, stdout, stderr], [0, "", ""]);
  }
});

async function withServer(meters: NodeMeters, work: (server: MetricsServer) => Promise<void>): Promise<void> {
  const server = await openMetricsServer({ bind: "127.0.0.1", port: 0 }, meters, new ManualClock());
  try {
    await work(server);
  } finally {
    await server.close();
  }
}

Deno.test("openMetricsServer() shows numbers beyond this machine only when told so", async () => {
  const meters = busyMeters();
  const open = (insecureBind: boolean) =>
    openMetricsServer({ bind: "0.0.0.0", port: 0, insecureBind }, meters, new ManualClock());
  await assert.rejects(open(false), { code: "insecure_bind", message: /^Cannot show numbers on "0\.0\.0\.0"/ });
  await (await open(true)).close();
});

Deno.test("openMetricsServer() tells a node that lives from one that does its work", async () => {
  const meters = new NodeMeters({ version: "0.1.0", mode: "paired" }, new ManualClock(), () => 1);
  await withServer(meters, async ({ url }) => {
    const look = async (path: string) => {
      const answer = await fetch(url + path);
      return [answer.status, (await answer.text()).trim()];
    };
    assert.deepEqual(await look("/livez"), [200, "ok"]);
    assert.deepEqual(await look("/readyz"), [503, "not ready: pairing"]);
    meters.connected();
    assert.deepEqual(await look("/readyz"), [200, "ready"]);
    assert.equal((await look("/metrics.json?x=1"))[1], JSON.stringify(meters.numbers()));
    assert.equal((await look("/"))[0], 404);
    const post = await fetch(`${url}/metrics`, { method: "POST" });
    assert.deepEqual([post.status, await post.text()], [405, "only GET is answered\n"]);
  });
});

Deno.test("openMetricsServer() answers no page that a foreign name has led here", async () => {
  await withServer(busyMeters(), async ({ url }) => {
    const status = await new Promise<string>((resolve) => {
      const socket = connect(Number(new URL(url).port), "127.0.0.1", () => {
        socket.write("GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
      });
      socket.once("data", (data) => {
        resolve(String(data).slice(9, 12));
        socket.destroy();
      });
    });
    assert.equal(status, "421");
  });
});
