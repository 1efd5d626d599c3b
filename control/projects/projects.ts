/**
 * Projects: what they are called, what they mount, who may do what with them.
 *
 * Functions of a transaction. Who may call them was decided before.
 *
 * @module
 */

import type { AccessPolicy } from "../protocol/trust.ts";
import { emptyPolicy } from "../policy/access_policy.ts";
import { ZssError } from "../protocol/errors.ts";
import type { ProjectMount, ProjectRecord } from "../store/records.ts";
import type { RecordReader, Transaction } from "../store/store.ts";
import { normalMountPath, overlaps } from "./mount_path.ts";

/** Id of the project that every server has. */
export const SYSTEM_PROJECT = "system";
/** The agent that the system project belongs to. */
export const PRIMARY_AGENT = "mother";
/** At most so many folders in one project. */
const MAX_MOUNTS = 1024;

/** What may be said about a project. */
export interface ProjectFields {
  readonly name?: string | undefined;
  readonly vision?: string | undefined;
  readonly status?: string | undefined;
  readonly access_policy?: AccessPolicy | undefined;
}

/** Makes the system project when there is none; `tokenHash` is the digest of a token that nobody gets. */
export function ensureSystemProject(tx: Transaction, tokenHash: string, now: number): void {
  if (tx.get("project", SYSTEM_PROJECT) !== undefined) return;
  tx.put("project", SYSTEM_PROJECT, {
    ...blank(SYSTEM_PROJECT, "System", null, now),
    kind: "system_builtin",
    token_hash: tokenHash,
    is_locked: true,
  });
}

function blank(projectId: string, name: string, creatorId: string | null, now: number): ProjectRecord {
  return {
    project_id: projectId,
    name,
    vision: "",
    status: "active",
    kind: "normal",
    creator_id: creatorId,
    token_hash: null,
    is_locked: false,
    created_at_ms: now,
    updated_at_ms: now,
    access_policy: emptyPolicy,
    mounts: [],
  };
}

/** Makes a project, private to its creator. */
export function createProject(
  tx: Transaction,
  fields: ProjectFields & { readonly name: string },
  creatorId: string,
  now: number,
): ProjectRecord {
  const id = `proj-${tx.nextNumber("project")}`;
  return put(tx, withFields(blank(id, fields.name, creatorId, now), fields, now));
}

/** Finds a project. @throws {ZssError} `project_not_found`. */
export function findProject(reader: Pick<RecordReader, "get">, projectId: string): ProjectRecord {
  const project = reader.get("project", projectId);
  if (project !== undefined) return project;
  throw new ZssError("project_not_found", `Cannot find project "${projectId}": ProjectNotFound`, {
    path: "/project_id",
    hint: "zss project list shows those there are",
  });
}

/** Changes what is said about a project. @throws {ZssError} `project_protected` for the system project. */
export function updateProject(tx: Transaction, projectId: string, fields: ProjectFields, now: number): ProjectRecord {
  const project = findProject(tx, projectId);
  if (Object.values(fields).some((field) => field !== undefined)) protect(project, "change");
  return put(tx, withFields(project, fields, now));
}

/** Removes a project and ends that it is anybody's active one. @throws {ZssError} `project_protected`. */
export function deleteProject(tx: Transaction, projectId: string): ProjectRecord {
  const project = findProject(tx, projectId);
  protect(project, "delete");
  tx.remove("project", projectId);
  for (const { key, record } of tx.entries("active_project")) {
    if (record.project_id === projectId) tx.remove("active_project", key);
  }
  return project;
}

/** Mounts a folder; again changes nothing. @throws {ZssError} `mount_conflict`, `node_not_found`. */
export function setMount(tx: Transaction, projectId: string, mount: ProjectMount, now: number): ProjectRecord {
  const project = findProject(tx, projectId);
  const mounts = withMount(tx, project.mounts, mount, "");
  return mounts === project.mounts ? project : put(tx, { ...project, mounts, updated_at_ms: now });
}

/** Replaces all mounts. @throws {ZssError} `mount_conflict`, `node_not_found`. */
export function replaceMounts(
  tx: Transaction,
  projectId: string,
  wanted: readonly ProjectMount[],
  now: number,
): ProjectRecord {
  const project = findProject(tx, projectId);
  const mounts = wanted.reduce<readonly ProjectMount[]>(
    (list, mount, index) => withMount(tx, list, mount, `/desired_mounts/${index}`),
    [],
  );
  return put(tx, { ...project, mounts, updated_at_ms: now });
}

function withMount(
  tx: Transaction,
  mounts: readonly ProjectMount[],
  wanted: ProjectMount,
  pointer: string,
): readonly ProjectMount[] {
  if (tx.get("node", wanted.node_id) === undefined) {
    throw new ZssError("node_not_found", `Cannot mount a folder of node "${wanted.node_id}": NodeNotFound`, {
      path: `${pointer}/node_id`,
      hint: "zss node list shows those there are",
    });
  }
  const mount = { ...wanted, mount_path: normalMountPath(wanted.mount_path, `${pointer}/mount_path`) };
  const isSame = (one: ProjectMount) =>
    one.mount_path === mount.mount_path && one.node_id === mount.node_id && one.export_name === mount.export_name;
  if (mounts.some(isSame)) return mounts;
  const conflict = mounts.find((one) => overlaps(one.mount_path, mount.mount_path));
  if (conflict !== undefined) {
    throw new ZssError(
      "mount_conflict",
      `Cannot mount at "${mount.mount_path}": "${conflict.mount_path}" is mounted already, and one holds the other`,
      { path: `${pointer}/mount_path`, hint: "choose a path beside it, or remove the other mount first" },
    );
  }
  if (mounts.length >= MAX_MOUNTS) {
    throw new ZssError("mount_conflict", `Cannot mount at "${mount.mount_path}": a project has at most ${MAX_MOUNTS}`, {
      hint: "remove one first, or make another project",
    });
  }
  return [...mounts, mount];
}

/** Takes away one mount, or all at a path. @throws {ZssError} `mount_not_found`. */
export function removeMount(
  tx: Transaction,
  projectId: string,
  which: {
    readonly mount_path: string;
    readonly node_id?: string | undefined;
    readonly export_name?: string | undefined;
  },
  now: number,
): ProjectRecord {
  const project = findProject(tx, projectId);
  const path = normalMountPath(which.mount_path);
  const isMeant = (one: ProjectMount) =>
    one.mount_path === path &&
    (which.node_id === undefined || (one.node_id === which.node_id && one.export_name === which.export_name));
  const mounts = project.mounts.filter((one) => !isMeant(one));
  if (mounts.length === project.mounts.length) {
    throw new ZssError(
      "mount_not_found",
      `Cannot remove the mount at "${path}": MountNotFound, nothing is mounted so`,
      {
        path: "/mount_path",
        hint: `zss project mount list ${projectId} shows what is`,
      },
    );
  }
  return put(tx, { ...project, mounts, updated_at_ms: now });
}

/** Gives a project the token with the digest `tokenHash`, which locks it. @throws {ZssError} `project_protected`. */
export function rotateProjectToken(
  tx: Transaction,
  projectId: string,
  tokenHash: string,
  now: number,
): ProjectRecord {
  const project = findProject(tx, projectId);
  protect(project, "rotate the token of");
  return put(tx, { ...project, token_hash: tokenHash, is_locked: true, updated_at_ms: now });
}

/** Ends a project's token, which unlocks it. @throws {ZssError} `project_protected`. */
export function revokeProjectToken(tx: Transaction, projectId: string, now: number): ProjectRecord {
  const project = findProject(tx, projectId);
  protect(project, "revoke the token of");
  return put(tx, { ...project, token_hash: null, is_locked: false, updated_at_ms: now });
}

/** The first project of a name. */
export function projectNamed(reader: Pick<RecordReader, "list">, name: string): ProjectRecord | undefined {
  return reader.list("project").find((project) => project.name === name);
}

/** A project as it is shown. */
export function projectPayload(project: ProjectRecord): Record<string, unknown> {
  return {
    project_id: project.project_id,
    name: project.name,
    vision: project.vision,
    status: project.status,
    kind: project.kind,
    is_delete_protected: project.kind !== "normal",
    token_locked: project.is_locked,
    created_at_ms: project.created_at_ms,
    updated_at_ms: project.updated_at_ms,
    access_policy: project.access_policy,
    mounts: project.mounts,
  };
}

/** @throws {ZssError} `project_protected`. */
function protect(project: ProjectRecord, action: string): void {
  if (project.kind === "normal") return;
  throw new ZssError("project_protected", `Cannot ${action} project "${project.project_id}": ProjectProtected`, {
    path: "/project_id",
    hint: "the system project belongs to the server; make one of your own: zss project create",
  });
}

function withFields(project: ProjectRecord, fields: ProjectFields, now: number): ProjectRecord {
  return {
    ...project,
    name: fields.name ?? project.name,
    vision: fields.vision ?? project.vision,
    status: fields.status ?? project.status,
    access_policy: fields.access_policy ?? project.access_policy,
    updated_at_ms: now,
  };
}

function put(tx: Transaction, project: ProjectRecord): ProjectRecord {
  tx.put("project", project.project_id, project);
  return project;
}
