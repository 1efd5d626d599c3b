/**
 * Which catalogs stand on the disk in an event only.
 *
 * An event of a node holds the whole catalog of the node, so a catalog that was
 * written with its event need not be written a second time. It gets a record of
 * its own when that event is trimmed. A node that publishes often so costs half
 * of what it would.
 *
 * @module
 */

import type { CatalogRecord, StoredEvent } from "./records.ts";
import type { ChangeSet, RecordWrite } from "./working_set.ts";

/** The catalogs whose newest state is in an event, oldest event first. */
export class HeldCatalogs {
  /** Node to the revision of its event, in the order of the revisions. */
  readonly #revisions = new Map<string, number>();

  /** Notes that the event with `revision` holds the catalog of a node; events come in their order. */
  hold(nodeId: string, revision: number): void {
    this.#revisions.delete(nodeId);
    this.#revisions.set(nodeId, revision);
  }

  /** Forgets a node: it is gone, or its catalog has a record of its own. */
  drop(nodeId: string): void {
    this.#revisions.delete(nodeId);
  }

  /** Nodes whose event is older than `revision`, oldest first. */
  olderThan(revision: number): string[] {
    const nodes: string[] = [];
    for (const [nodeId, held] of this.#revisions) {
      if (held >= revision) break;
      nodes.push(nodeId);
    }
    return nodes;
  }
}

/**
 * Revision of the event of the same change that holds what a record says: the
 * very objects, not only equal ones. `undefined` when there is none.
 */
export function eventThatHolds(write: RecordWrite, change: Pick<ChangeSet, "events">): number | undefined {
  if (write.kind !== "catalog" || write.record === undefined) return undefined;
  const { record } = write;
  if (!("revision" in record && "platform" in record)) return undefined;
  const holder = change.events.find(({ kind, node_id, revision, payload }) =>
    kind !== "deleted" && node_id === write.key && record.revision === revision &&
    payload["platform"] === record.platform && payload["labels"] === record.labels &&
    payload["services"] === record.services
  );
  return holder?.revision;
}

/** The catalog that an event holds. */
export function catalogInEvent({ revision, payload }: Pick<StoredEvent, "revision" | "payload">): CatalogRecord {
  const { platform, labels, services } = payload as Omit<CatalogRecord, "revision">;
  return { platform, labels, services, revision };
}
