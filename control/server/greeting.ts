/**
 * The frame that every peer owes first.
 *
 * @module
 */

import { findMember } from "../protocol/json.ts";
import type { Route } from "./route.ts";

/** What is owed on each kind of path. */
const GREETINGS: Readonly<Record<Route["kind"], readonly [string, ...string[]]>> = {
  control: ["control.version", "acheron.t_version"],
  node_tunnel: ["acheron.t_fs_hello"],
  node_files: ["acheron.t_fs_hello"],
};

/** Type of the frame that a peer of `route` should send first. */
export function greetingOf(route: Route): string {
  return GREETINGS[route.kind][0];
}

/** Whether `text` is such a frame. Looks at its type alone: whether it is in order is for its reader to say. */
export function isGreeting(route: Route, text: string): boolean {
  try {
    const place = findMember(text, "type");
    return place !== undefined && GREETINGS[route.kind].includes(JSON.parse(text.slice(place.start, place.end)));
  } catch {
    return false; // no JSON, no greeting
  }
}
