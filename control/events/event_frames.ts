/**
 * Frames about events, as text.
 *
 * @module
 */

import { catalogText, withMember } from "../catalog/catalog_text.ts";
import { isObject, okFrame } from "../protocol/envelope.ts";
import { JsonText } from "../protocol/json.ts";
import type { StoredEvent } from "../store/records.ts";

/** How much of a catalog an event carries: all services, or those that changed. */
export type WatchDetail = "full" | "delta";

/** The frame that carries an event. */
export function eventFrame(event: StoredEvent, epoch: string, replay: boolean, detail: WatchDetail = "full"): string {
  const { revision, kind, timestamp_ms } = event;
  const payload = catalogText(detail === "full" ? event.payload : changedOnly(event.payload));
  return eventText("control.node_service_event", payload, { epoch, revision, kind, timestamp_ms, replay });
}

/** The frame that carries one node of a snapshot. */
export function snapshotFrame(
  payload: Readonly<Record<string, unknown>>,
  epoch: string,
  revision: number,
  now: number,
): string {
  const event = { epoch, revision, kind: "upsert", timestamp_ms: now, replay: true };
  return eventText("control.node_service_snapshot", catalogText(payload), event);
}

function eventText(type: string, payload: string, event: Readonly<Record<string, unknown>>): string {
  return okFrame(type, undefined, new JsonText(withMember(payload, "event", event)));
}

/** The frame that says how far a watcher has come: `synced` once, `bookmark` now and then. */
export function positionFrame(kind: "synced" | "bookmark", epoch: string, revision: number): string {
  return okFrame(`control.node_service_${kind}`, undefined, { epoch, revision });
}

/** A payload with the services that its delta names. */
function changedOnly(payload: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { services, service_delta: delta } = payload;
  if (!Array.isArray(services) || !isObject(delta)) return { ...payload };
  const ids = new Set(
    [delta["added"], delta["updated"]].flat().flatMap((entry) => isObject(entry) ? [entry["service_id"]] : []),
  );
  return { ...payload, services: services.filter((service) => isObject(service) && ids.has(service["service_id"])) };
}
