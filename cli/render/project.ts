/**
 * A project for people.
 *
 * @module
 */

import { listIn } from "../answer.ts";
import { isObject } from "../../control/protocol/envelope.ts";
import type { Rendering } from "./mod.ts";

/** A project in every form. */
export function projectRendering(value: Readonly<Record<string, unknown>>): Rendering {
  const id = String(value["project_id"]);
  const mounts = listIn(value, "mounts");
  return {
    value,
    table: [
      `project  ${id}`,
      `name     ${value["name"]}`,
      ...(value["vision"] === "" ? [] : [`vision   ${value["vision"]}`]),
      `status   ${value["status"]}`,
      `token    ${value["token_locked"] === true ? "required" : "none"}`,
      `access   ${accessText(value["access_policy"])}`,
      ...mounts.map((mount) => `mount    ${mount["mount_path"]} -> ${mount["node_id"]}:${mount["export_name"]}`),
    ],
    names: [id],
  };
}

/** A policy as one line: \`read=open mount=admin; bob: invoke=deny\`. */
export function accessText(policy: unknown): string {
  if (!isObject(policy)) return "-";
  const modes = (one: unknown) =>
    isObject(one) ? Object.entries(one).map(([action, mode]) => `${action}=${mode}`).join(" ") : "";
  const agents = isObject(policy["agents"]) ? Object.entries(policy["agents"]) : [];
  const parts = [modes(policy["actions"]), ...agents.map(([agent, one]) => `${agent}: ${modes(one)}`)];
  return parts.filter((part) => part !== "").join("; ") || "private to its maker";
}
