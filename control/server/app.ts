/**
 * The HTTP side of the server.
 *
 * @module
 */

import { Hono } from "hono";
import { legacyError } from "../protocol/envelope.ts";
import type { MetricsObject } from "../metrics/meters.ts";
import { PROMETHEUS_TYPE } from "../metrics/exposition.ts";
import type { Clock } from "../../drivers/process/clock.ts";

/** What the routes need. */
export interface AppParts {
  readonly clock: Clock;
  /** Whether the server can do its work now. */
  readonly isReady: () => boolean;
  /** Whether an Authorization header holds an admin's token. */
  readonly isAdmin: (header: string | undefined) => boolean;
  readonly metrics: () => MetricsObject;
  readonly prometheus: (values: MetricsObject) => Promise<string>;
}

/** The routes that answer plain HTTP. What must not get here, and WebSockets, are taken before. */
export function makeApp(parts: AppParts): Hono {
  const app = new Hono();
  app.get("/livez", (context) => context.text("ok\n"));
  app.get("/readyz", (context) => parts.isReady() ? context.text("ready\n") : context.text("not ready\n", 503));
  app.use("/metrics*", async (context, next) => {
    if (parts.isAdmin(context.req.header("Authorization"))) return await next();
    return context.body(legacyError("forbidden", "metrics require an admin token", parts.clock.now()), 403, {
      "Content-Type": "application/json",
    });
  });
  app.get(
    "/metrics",
    async (context) => context.body(await parts.prometheus(parts.metrics()), 200, { "Content-Type": PROMETHEUS_TYPE }),
  );
  app.get("/metrics.json", (context) => context.json(parts.metrics()));
  app.get(
    "/",
    (context) =>
      context.text("zss control plane: connect with a WebSocket, or see /livez and /readyz\n", 426, {
        Upgrade: "websocket",
      }),
  );
  app.notFound((context) =>
    context.body(legacyError("invalid_envelope", "invalid path", parts.clock.now()), 404, {
      "Content-Type": "application/json",
    })
  );
  return app;
}
