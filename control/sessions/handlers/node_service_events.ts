import { requests } from "../../protocol/ops.ts";
import type { EventHead } from "../../store/records.ts";
import { operation } from "../operation.ts";

/** So much of payloads goes into one answer, in UTF-16 units; the first event always does. */
const PAGE_LENGTH = 1_048_576;

/**
 * Lists past events, oldest first: the newest ones, or those behind a revision.
 * `more` says that there are further ones behind the last.
 */
export const nodeServiceEvents = operation({
  name: "node_service_events",
  access: "admin",
  request: requests.node_service_events,
  handle({ plane }, { node_id, since_revision, limit }) {
    const { store } = plane;
    const heads = store.headsSince(since_revision ?? 0).filter((head) =>
      node_id === undefined || head.node_id === node_id
    );
    const chosen = since_revision === undefined
      ? fitting(heads.slice(-limit).toReversed()).toReversed()
      : fitting(heads.slice(0, limit));
    const events = chosen.flatMap(({ revision }) =>
      store.readSince(revision - 1, 1).map((event) => ({
        ...event.payload,
        event: { epoch: store.epoch, revision, kind: event.kind, timestamp_ms: event.timestamp_ms, replay: true },
      }))
    );
    return {
      events,
      more: since_revision !== undefined && heads.length > chosen.length,
      epoch: store.epoch,
      revision: store.revision,
      oldest_revision: store.oldestRevision,
    };
  },
});

/** The first heads whose payloads fit into an answer. */
function fitting(heads: readonly EventHead[]): EventHead[] {
  let length = 0;
  return heads.filter((head, index) => {
    length += head.bytes;
    return index === 0 || length <= PAGE_LENGTH;
  });
}
