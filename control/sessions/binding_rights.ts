/**
 * Whether somebody may look at the world as an agent, from within a project.
 *
 * @module
 */

import type { Actor } from "../policy/rights.ts";
import { findProject, PRIMARY_AGENT, SYSTEM_PROJECT } from "../projects/projects.ts";
import { ZssError } from "../protocol/errors.ts";
import type { RecordReader } from "../store/store.ts";
import type { Binding } from "./bindings.ts";
import { decideFor, requireAllowed } from "./viewer.ts";

/**
 * Refuses a binding that is not permitted.
 *
 * @returns The rule that decided.
 * @throws {ZssError} `forbidden`, `project_not_found`, or what the project's policy says.
 */
export function permitBinding(reader: RecordReader, actor: Actor, binding: Binding): string {
  if (actor.role !== "admin" && (binding.agent_id === PRIMARY_AGENT || binding.project_id === SYSTEM_PROJECT)) {
    throw new ZssError("forbidden", `Cannot attach: agent ${PRIMARY_AGENT} and the system project are for admins`, {
      hint: "attach another agent to a project of your own",
    });
  }
  const project = findProject(reader, binding.project_id ?? SYSTEM_PROJECT);
  const decision = decideFor(actor, binding.agent_id, project, "read", binding.project_token);
  return requireAllowed(decision, `attach to project "${project.project_id}"`);
}
