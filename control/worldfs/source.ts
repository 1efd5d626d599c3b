/**
 * Where the world comes from: the catalog, the projects and the policy of this
 * moment, seen by one viewer.
 *
 * @module
 */

import type { ServiceDescriptor } from "../catalog/descriptor.ts";
import type { ScopedProject, Viewer } from "../policy/visibility.ts";

/** A node and its lease. */
export interface SourceNode {
  readonly node_id: string;
  readonly node_name: string;
  readonly fs_url: string;
  readonly lease_expires_at_ms: number;
  readonly online: boolean;
  readonly offline_since_ms: number | null;
  readonly joined_at_ms: number;
  readonly last_seen_ms: number;
}

/** A project. */
export interface SourceProject extends ScopedProject {
  readonly name: string;
  readonly vision: string;
  readonly status: string;
}

/** A mount of a project with the state of its node. */
export interface SourceMount {
  readonly mount_path: string;
  readonly node_id: string;
  readonly export_name: string;
  readonly online: boolean;
  readonly state: "online" | "degraded" | "missing";
}

/** The payload of `workspace_status`, as far as the world looks into it. */
export interface SourceWorkspace {
  /** The mount that serves, per path. */
  readonly actual_mounts: readonly SourceMount[];
  readonly desired_mounts: readonly SourceMount[];
  readonly drift: { readonly count: number; readonly items: readonly unknown[] };
  readonly availability: {
    readonly mounts_total: number;
    readonly online: number;
    readonly degraded: number;
    readonly missing: number;
  };
  readonly reconcile_state: string;
  readonly queue_depth: number;
}

/** An agent that the server knows. */
export interface SourceAgent {
  readonly id: string;
  readonly description: string;
}

/** Everything that the world shows, as of now. */
export interface WorldSource {
  /** Who looks, within the project of the session. */
  readonly viewer: Viewer;
  nodes(): readonly SourceNode[];
  node(nodeId: string): SourceNode | undefined;
  /** What a node published, whoever may see it. */
  services(nodeId: string): readonly ServiceDescriptor[];
  /** A node as `node_get` describes it, without anything secret. */
  nodeSummary(node: SourceNode): Readonly<Record<string, unknown>>;
  projects(): readonly SourceProject[];
  project(projectId: string): SourceProject | undefined;
  /** The same viewer within another project. */
  viewerIn(project: SourceProject): Viewer;
  /** State of a project as somebody who is no admin gets it: without tokens. */
  workspace(project: SourceProject): SourceWorkspace;
  /** Agents that the server knows, by id. */
  readonly agents: ReadonlyMap<string, SourceAgent>;
  /** What of the debug files the viewer gets. */
  readonly debug: { readonly events: boolean; readonly requests: boolean; readonly invites: boolean };
}
