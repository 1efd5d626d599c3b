import { entriesOf, historyGone } from "../../events/hub.ts";
import { catalogOf, catalogPayload } from "../../pairing/node_events.ts";
import type { Decision } from "../../policy/rights.ts";
import { type CatalogPayload, type Viewer, visiblePart } from "../../policy/visibility.ts";
import { ZssError } from "../../protocol/errors.ts";
import { type OpRequest, requests } from "../../protocol/ops.ts";
import type { ControlPlane } from "../control_plane.ts";
import type { Caller } from "../handler.ts";
import { operation } from "../operation.ts";
import { requireAllowed, viewerSource, viewKey } from "../viewer.ts";

type Request = OpRequest<"node_service_watch">;

/** Starts the stream of catalog changes on this connection; a second watch replaces the first. */
export const nodeServiceWatch = operation({
  name: "node_service_watch",
  access: "member",
  needsProject: true,
  request: requests.node_service_watch,
  handle({ plane, session }, request) {
    requireAllowed(mayWatch(session.actor, plane.limits), "watch the catalog");
    const { store, hub } = plane;
    const isScoped = session.actor.role !== "admin";
    // The session that the watch was begun in: a later one of the connection does not move it.
    const binding = session.bindings.active;
    const look = viewerSource(store, session.actor, binding);
    const wants = filterOf(plane, look, isScoped, request);
    const visible = isScoped ? visibleNodes(plane, look(), request) : [];
    const start = isScoped ? scopedStart(plane, request, wants) : startOf(plane, request, wants);
    const replayLimit = Math.min(request.replay_limit, plane.limits.replayMax);
    const begin = hub.subscribe(session.socket, {
      wants,
      detail: request.detail ?? "full",
      isExtended: isExtended(request),
      bookmarks: request.bookmarks === true,
      ...(start.withSnapshot ? { snapshot: isScoped ? visible : allNodes(plane, request) } : {}),
      ...(isScoped
        ? {
          scope: { key: () => viewKey(look()), show: (payload) => visiblePart(look(), payload) },
          shown: visible.map((payload) => [String(payload["node_id"]), entriesOf(payload)] as const),
        }
        : {}),
      from: start.from,
      until: store.revision,
    });
    session.afterReply(begin);
    return {
      enabled: true,
      ...(request.node_id === undefined ? {} : { node_id: request.node_id }),
      replay_limit: replayLimit,
      replayed: start.replayed,
      epoch: store.epoch,
      revision: store.revision,
      oldest_revision: store.oldestRevision,
    };
  },
});

/** Whether a watcher asked for anything that the reference does not know. */
function isExtended({ since, snapshot, bookmarks, detail }: Request): boolean {
  return [since, snapshot, bookmarks, detail].some((member) => member !== undefined);
}

/** What is wanted of an event without looking at its payload; what is hidden of it is left out later. */
function filterOf({ store }: ControlPlane, look: () => Viewer, isScoped: boolean, request: Request) {
  const extended = isExtended(request);
  const { node_id: nodeId } = request;
  // What a node published before it came into view, or while it was out of it, is not for this watcher.
  const floors = new Map<string, number>();
  if (isScoped) {
    for (const { kind, node_id, revision } of store.headsSince(0)) {
      if (kind === "visibility") floors.set(node_id, revision);
    }
  }
  const isNear = (id: string) => look().project?.mounts.some((one) => one.node_id === id) === true;
  return (head: { readonly kind: string; readonly node_id: string; readonly revision: number }) =>
    (extended || head.kind === "upsert") && (nodeId === undefined || head.node_id === nodeId) &&
    // A node whose visibility changes may have been seen until now.
    (!isScoped ||
      (head.revision > (floors.get(head.node_id) ?? 0) && (head.kind === "visibility" || isNear(head.node_id))));
}

/** Whether somebody may watch at all. */
function mayWatch(actor: Caller["actor"], { allowAdmin, allowUser }: ControlPlane["limits"]): Decision {
  const isAllowed = actor.role === "admin" ? allowAdmin : allowUser;
  if (isAllowed) return { allowed: true, rule: `watching is allowed for ${actor.role}` };
  const name = actor.role === "admin" ? "ADMIN" : "USER";
  return {
    allowed: false,
    rule: "the operator of the server does not allow it",
    code: "forbidden",
    reason: `node service watch is disabled for ${actor.role} role`,
    hint: `the operator can allow it with SPIDERWEB_NODE_SERVICE_WATCH_ALLOW_${name}=true`,
  };
}

interface Start {
  /** Replay begins behind this revision. */
  readonly from: number;
  /** How many events of the replay the watcher gets. */
  readonly replayed: number;
  readonly withSnapshot: boolean;
}

/** Where a watch begins. @throws {ZssError} `history_gone`, `epoch_changed` or `future_revision`. */
function startOf({ store, limits }: ControlPlane, request: Request, wants: ReturnType<typeof filterOf>): Start {
  const { since } = request;
  const fresh: Start = { from: store.revision, replayed: 0, withSnapshot: true };
  if (since === undefined) {
    if (request.snapshot === true) return fresh;
    const limit = Math.min(request.replay_limit, limits.replayMax);
    const heads = store.headsSince(Math.max(0, store.revision - limits.historyMax)).filter(wants).slice(-limit);
    const [first] = limit === 0 ? [] : heads;
    if (first === undefined) return { from: store.revision, replayed: 0, withSnapshot: false };
    return { from: first.revision - 1, replayed: heads.length, withSnapshot: false };
  }
  if (since.epoch !== store.epoch) {
    if (request.snapshot === true) return fresh;
    throw new ZssError(
      "epoch_changed",
      `Cannot watch from epoch "${since.epoch}": the history of this server is "${store.epoch}"`,
      {
        path: "/since/epoch",
        hint: "the store was made anew or restored; take a snapshot with snapshot: true",
        data: { epoch: store.epoch, revision: store.revision },
      },
    );
  }
  if (since.revision > store.revision) {
    throw new ZssError(
      "future_revision",
      `Cannot watch from revision ${since.revision}: the newest event has revision ${store.revision}`,
      { path: "/since/revision", hint: "use a position that this server gave", data: { revision: store.revision } },
    );
  }
  if (since.revision + 1 < store.oldestRevision) {
    if (request.snapshot === true) return fresh;
    throw historyGone(since.revision, store);
  }
  const replayed = store.headsSince(since.revision).filter(wants).length;
  return { from: since.revision, replayed, withSnapshot: false };
}

/**
 * The same for somebody who does not see everything: a place before which what
 * it sees was changed by a policy, a mount or a token is no place to go on from.
 */
function scopedStart(plane: ControlPlane, request: Request, wants: ReturnType<typeof filterOf>): Start {
  const start = startOf(plane, request, wants);
  const { since } = request;
  if (since === undefined || start.withSnapshot) return start;
  const { store } = plane;
  if (!store.headsSince(since.revision).some(({ kind }) => kind === "visibility")) return start;
  if (request.snapshot === true) return { from: store.revision, replayed: 0, withSnapshot: true };
  throw new ZssError(
    "history_gone",
    `Cannot watch from revision ${since.revision}: what may be seen has changed since then`,
    {
      hint: "take a snapshot with snapshot: true and go on from its revision",
      data: { oldest_revision: store.oldestRevision, revision: store.revision, epoch: store.epoch },
    },
  );
}

/** The nodes that are asked for, as they are now. Records are values, so later changes do not reach them. */
function allNodes({ store }: ControlPlane, { node_id: nodeId }: Request): Record<string, unknown>[] {
  return store.list("node").filter((node) => nodeId === undefined || node.node_id === nodeId).map((node) => ({
    ...catalogPayload(node, catalogOf(store, node.node_id)),
    state: node.online ? "online" : "offline",
  }));
}

/** What a viewer sees of them. */
function visibleNodes(plane: ControlPlane, viewer: Viewer, request: Request): CatalogPayload[] {
  return allNodes(plane, request).map((payload) => visiblePart(viewer, payload)).filter((payload) =>
    payload !== undefined
  );
}
