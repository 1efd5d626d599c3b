import { historyGone } from "../../events/hub.ts";
import { catalogOf, catalogPayload } from "../../pairing/node_events.ts";
import { ZssError } from "../../protocol/errors.ts";
import { type OpRequest, requests } from "../../protocol/ops.ts";
import type { ControlPlane } from "../control_plane.ts";
import type { Caller } from "../handler.ts";
import { operation } from "../operation.ts";

type Request = OpRequest<"node_service_watch">;

/** Starts the stream of catalog changes on this connection; a second watch replaces the first. */
export const nodeServiceWatch = operation({
  name: "node_service_watch",
  access: "admin",
  request: requests.node_service_watch,
  handle({ plane, session }, request) {
    const decision = plane.policy.mayWatch(session.actor);
    if (!decision.allowed) throw new ZssError("forbidden", decision.reason, { hint: decision.hint });
    const { store, hub } = plane;
    const wants = filterOf(plane, session, request);
    const start = startOf(plane, request, wants);
    const replayLimit = Math.min(request.replay_limit, plane.limits.replayMax);
    const begin = hub.subscribe(session.socket, {
      wants,
      detail: request.detail ?? "full",
      isExtended: isExtended(request),
      bookmarks: request.bookmarks === true,
      ...(start.withSnapshot ? { snapshot: snapshotOf(plane, session, request) } : {}),
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

function filterOf({ policy }: ControlPlane, { actor }: Caller, request: Request) {
  const extended = isExtended(request);
  const { node_id: nodeId } = request;
  return (head: { readonly kind: string; readonly node_id: string }) =>
    (extended || head.kind === "upsert") && (nodeId === undefined || head.node_id === nodeId) &&
    policy.maySeeNode(actor, head.node_id);
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

/** The nodes that a watcher may see, as they are now. Records are values, so later changes do not reach them. */
function snapshotOf({ store, policy }: ControlPlane, { actor }: Caller, { node_id: nodeId }: Request) {
  return store.list("node")
    .filter((node) => (nodeId === undefined || node.node_id === nodeId) && policy.maySeeNode(actor, node.node_id))
    .map((node) => ({
      ...catalogPayload(node, catalogOf(store, node.node_id)),
      state: node.online ? "online" : "offline",
    }));
}
