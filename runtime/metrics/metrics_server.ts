/**
 * Shows the numbers of a node, and whether it lives and works, over HTTP.
 *
 * `/livez`, `/readyz`, `/metrics` (Prometheus) and `/metrics.json`, on loopback
 * unless told otherwise. Nothing here changes anything or is secret.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { hostAllowed, hostRules } from "../../control/listen/host_allowed.ts";
import { Listener } from "../../control/listen/listener.ts";
import { isLoopback } from "../../control/listen/loopback.ts";
import { PROMETHEUS_TYPE } from "../../control/metrics/exposition.ts";
import { ZssError } from "../../control/protocol/errors.ts";
import type { Clock } from "../../drivers/process/clock.ts";
import { nodeExposition } from "./node_exposition.ts";
import type { NodeMeters } from "./node_meters.ts";

/** Where to listen. */
export interface MetricsServerOptions {
  readonly bind: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Allows everybody on the network to read the numbers. @default {false} */
  readonly insecureBind?: boolean;
  /** Names that a Host header may hold besides loopback, `bind` and the address connected to. @default {[]} */
  readonly allowedHosts?: readonly string[];
}

/** A page of numbers that can be asked for. */
export interface MetricsServer {
  /** For example `http://127.0.0.1:9464`. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Keeps the numbers on this machine: they need no token, and name the services.
 *
 * @throws {ZssError} `insecure_bind` for an address that is not loopback, without `insecureBind`.
 */
export function checkMetricsBind({ bind, insecureBind }: Pick<MetricsServerOptions, "bind" | "insecureBind">): void {
  if (insecureBind === true || isLoopback(bind)) return;
  throw new ZssError("insecure_bind", `Cannot show numbers on "${bind}": everybody on the network could read them`, {
    hint: "leave --metrics-bind out, or give --insecure-bind where the network lets only friends in",
  });
}

/**
 * Begins to listen.
 *
 * @throws {ZssError} `insecure_bind`, `port_in_use` or `listen_failed`.
 */
export async function openMetricsServer(
  { bind, port, insecureBind = false, allowedHosts = [] }: MetricsServerOptions,
  meters: NodeMeters,
  clock: Clock,
): Promise<MetricsServer> {
  checkMetricsBind({ bind, insecureBind });
  const rules = hostRules(bind, allowedHosts);
  const listener = await Listener.open({
    bind,
    port,
    certificate: undefined,
    clock,
    onRequest: (request, response) => {
      // A page that a foreign name led here must not read who runs what.
      if (!hostAllowed(request.headers.host, rules, request.socket.localAddress)) {
        return send(response, 421, "host is not allowed\n");
      }
      answer(request, response, meters);
    },
    onUpgrade: (_request, socket) => void socket.destroy(),
  });
  return { url: listener.url.replace(/^ws/, "http"), close: () => listener.close() };
}

function answer(request: IncomingMessage, response: ServerResponse, meters: NodeMeters): void {
  if (request.method !== "GET" && request.method !== "HEAD") return send(response, 405, "only GET is answered\n");
  switch (request.url?.split("?", 1)[0]) {
    case "/livez":
      return send(response, 200, "ok\n");
    case "/readyz":
      return meters.isReady ? send(response, 200, "ready\n") : send(response, 503, `not ready: ${meters.state}\n`);
    case "/metrics":
      return send(response, 200, nodeExposition(meters.numbers(), meters.durations), PROMETHEUS_TYPE);
    case "/metrics.json":
      return send(response, 200, JSON.stringify(meters.numbers()) + "\n", "application/json");
    default:
      return send(response, 404, "see /livez, /readyz, /metrics and /metrics.json\n");
  }
}

function send(response: ServerResponse, status: number, body: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store" });
  response.end(body);
}
