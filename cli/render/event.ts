/**
 * A catalog event for a person.
 *
 * @module
 */

import { isObject } from "../../control/protocol/envelope.ts";
import type { Paint } from "../paint.ts";
import { cleanText } from "./table.ts";

/** Longest value that is shown of a change, in characters. */
const LONGEST_VALUE = 60;

/** One event on one line, in the words of the reference; another kind than upsert is named at the end. */
export function eventLine(payload: unknown): string {
  const members = isObject(payload) ? payload : {};
  const node = typeof members["node_id"] === "string" ? members["node_id"] : "(unknown)";
  const head = `node_service_event node=${cleanText(node)}`;
  const kind = isObject(members["event"]) ? members["event"]["kind"] : undefined;
  const tail = (typeof kind === "string" && kind !== "upsert" ? ` kind=${cleanText(kind)}` : "") +
    place(members["event"]);
  const delta = members["service_delta"];
  if (delta === undefined) return `${head}${tail}\n`;
  if (!isObject(delta)) return `${head} (delta malformed)${tail}\n`;
  const count = (name: string) => Array.isArray(delta[name]) ? delta[name].length : 0;
  return `${head} changed=${delta["changed"] === true} added=${count("added")} updated=${count("updated")} ` +
    `removed=${count("removed")} ts_ms=${Number(delta["timestamp_ms"] ?? 0)}${tail}\n`;
}

/** Where an event stands, in the form that `--since` takes. */
function place(event: unknown): string {
  if (!isObject(event) || typeof event["epoch"] !== "string") return "";
  return ` at=${cleanText(event["epoch"])}:${Number(event["revision"])}`;
}

/** What changed, a service a line. */
export function changeLines(payload: unknown, paint: Paint): string {
  const delta = isObject(payload) ? payload["service_delta"] : undefined;
  if (!isObject(delta)) return "";
  const entries = (name: string) => Array.isArray(delta[name]) ? delta[name].filter(isObject) : [];
  const id = (entry: Readonly<Record<string, unknown>>) => cleanText(String(entry["service_id"]));
  return [
    ...entries("added").map((entry) => `  ${paint.green("+")} ${id(entry)} ${cleanText(String(entry["version"]))}\n`),
    ...entries("updated").map((entry) => `  ${paint.yellow("~")} ${id(entry)}: ${changesOf(entry)}\n`),
    ...entries("removed").map((entry) => `  ${paint.red("-")} ${id(entry)} ${cleanText(String(entry["version"]))}\n`),
  ].join("");
}

function changesOf(entry: Readonly<Record<string, unknown>>): string {
  const { changes } = entry;
  if (!Array.isArray(changes)) return cleanText(`version ${entry["previous_version"]} → ${entry["version"]}`);
  return changes.filter(isObject).map(({ path, from, to }) =>
    cleanText(`${String(path).slice(1)} ${value(from)} → ${value(to)}`)
  ).join(", ");
}

function value(member: unknown): string {
  if (member === undefined) return "(none)";
  const text = typeof member === "string" && member !== "" ? member : JSON.stringify(member);
  const short = text.replaceAll("\n", " ");
  return short.length > LONGEST_VALUE ? `${short.slice(0, LONGEST_VALUE - 1)}…` : short;
}
