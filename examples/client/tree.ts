/**
 * Looks around in the tree of a server and calls every service that takes calls:
 *
 *     ZSS_URL=ws://127.0.0.1:18790 ZSS_TOKEN=... deno run -A examples/client/tree.ts
 *
 * @module
 */

import process from "node:process";
import { WorldTree, ZssError } from "../../mod.ts";

/** What the tour saw of a service. */
export interface Stop {
  readonly service: string;
  readonly outcome: string;
}

/** Calls each service of each node with `payload`. */
export async function tour(url: string, token: string, payload: object): Promise<Stop[]> {
  await using tree = await WorldTree.open({ url, token });
  const stops: Stop[] = [];
  const index: unknown = JSON.parse(await tree.readText("/agents/self/services/SERVICES.json"));
  for (const entry of Array.isArray(index) ? index : []) {
    if (entry.has_invoke !== true) continue;
    const service = String(entry.service_path);
    try {
      const { ok, result, error } = await tree.invoke(service, payload);
      stops.push({ service, outcome: ok ? JSON.stringify(result) : `failed: ${error}` });
    } catch (error) {
      // A service that is switched off, or whose node is away, does not end the tour.
      if (!(error instanceof ZssError)) throw error;
      stops.push({ service, outcome: `${error.code}: ${error.message}` });
    }
  }
  return stops;
}

if (import.meta.main) {
  const { ZSS_URL = "ws://127.0.0.1:18790", ZSS_TOKEN = "" } = process.env;
  for (const { service, outcome } of await tour(ZSS_URL, ZSS_TOKEN, { hello: "world" })) {
    console.log(`${service} ${outcome}`);
  }
}
