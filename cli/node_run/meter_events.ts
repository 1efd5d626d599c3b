/**
 * Counts what happens in a node.
 *
 * @module
 */

import type { NodeEvent, NodeMeters } from "../../runtime/mod.ts";

/** Notes one event. */
export function meterEvent(meters: NodeMeters, event: NodeEvent): void {
  switch (event.type) {
    case "paired":
      meters.nodeId = event.node_id;
      meters.state = "connecting";
      return;
    case "identity_lost":
      meters.nodeId = null;
      meters.state = "pairing";
      return;
    case "online":
      return meters.connected();
    case "lost":
      return meters.lost();
    case "listening":
      meters.state = "listening";
      return;
    case "lease_refreshed":
      return meters.leaseRefreshed();
    case "published":
      return meters.published(event.changed);
    case "catalog_refused":
      return meters.catalogRefused();
    case "reloaded":
      return meters.reloaded();
    case "findings":
      return meters.found(event.left.error, event.left.warning);
  }
}
