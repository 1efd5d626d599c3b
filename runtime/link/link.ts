/**
 * Keeps a node connected: tunnel, lease, catalog.
 *
 * One round opens the tunnel, publishes the catalog and refreshes the lease,
 * then waits for whatever comes first: time to refresh, a change of the
 * catalog, a lost connection, the end. A lost connection starts another round
 * after a wait that grows; identity, handles and services stay as they are. At
 * the end the lease is given back, so that nobody waits for the node.
 *
 * A refresh tells the revision of the node's last event. When it is not the one
 * that the node made, somebody else has published in its name, and the node
 * publishes its own catalog again.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { errorText, ZssError } from "../../control/protocol/mod.ts";
import { type Clock, sleep, Waker } from "../../drivers/process/mod.ts";
import { type BackoffBounds, backoffMs, ControlConnection, urlWithPath } from "../../control/client/mod.ts";
import { type Credentials, readCredentials } from "./pair.ts";
import { type FrameHandler, openTunnel } from "./tunnel.ts";

const log = getLogger(["zss", "runtime", "link"]);

/** What a node publishes. */
export interface PublishedCatalog {
  readonly platform: { readonly os: string; readonly arch: string; readonly runtime_kind: string };
  readonly labels: Readonly<Record<string, string>>;
  readonly services: readonly unknown[];
}

/** What happens on a link, for whoever shows it. */
export type LinkEvent =
  | { readonly type: "online"; readonly services: number }
  | { readonly type: "published"; readonly services: number; readonly changed: boolean }
  | { readonly type: "lease_refreshed"; readonly expires_at_ms: number }
  /** The server does not take the catalog as it is; the node goes on with the last one that it took. */
  | { readonly type: "catalog_refused"; readonly reason: string }
  | { readonly type: "lost"; readonly reason: string; readonly retry_in_ms: number };

/** Settings and parts of a link. */
export interface LinkOptions {
  readonly controlUrl: string;
  readonly token: string | undefined;
  /** Certificates in PEM form that are trusted besides the usual ones. */
  readonly ca?: string | undefined;
  readonly leaseTtlMs: number;
  readonly refreshIntervalMs: number;
  readonly backoff: BackoffBounds;
  readonly clock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
  /** What to publish now. */
  readonly catalog: () => PublishedCatalog;
  /** Makes the handler of one tunnel's frames. */
  readonly serve: (send: (frame: string) => void) => FrameHandler;
  /** Keeps new credentials. The link goes on when that fails. */
  readonly save: (credentials: Credentials) => Promise<void>;
  readonly report: (event: LinkEvent) => void;
}

/** How long the server may take to take the lease back, in milliseconds. */
const RELEASE_MS = 2_000;

/** Errors that no retry mends. */
const final = new Set([
  "node_auth_failed",
  "node_not_found",
  "lease_superseded",
  "provider_auth_failed",
  "invalid_url",
]);

/** Answers that say that the catalog itself is at fault. */
const refusedCatalog = new Set(["invalid_payload", "missing_field"]);

/** The connection of one node. */
export class Link {
  readonly #options: LinkOptions;
  #credentials: Credentials;
  /** Wakes the round that waits for something to happen. */
  readonly #news = new Waker();
  #hasChanged = false;
  /** Of the node's last event, as far as this node knows; 0 when the server does not tell. */
  #revision = 0;

  constructor(options: LinkOptions, credentials: Credentials) {
    this.#options = options;
    this.#credentials = credentials;
  }

  /** Says that the catalog has changed; it is published as soon as there is a connection. */
  catalogChanged(): void {
    this.#hasChanged = true;
    this.#news.wake();
  }

  /**
   * Stays connected until `signal` fires.
   *
   * @throws {ZssError} `node_auth_failed` or `node_not_found` when the server no longer knows the node,
   * `lease_superseded` when a newer copy of it has taken over, `provider_auth_failed` for a bad bearer token.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { backoff, clock, random, report } = this.#options;
    let attempt = 0;
    while (!signal.aborted) {
      let reason: string;
      try {
        reason = await this.#round(signal, () => attempt = 0);
      } catch (error) {
        if (!(error instanceof ZssError) || final.has(error.code)) throw error;
        reason = error.message;
      }
      if (signal.aborted) return;
      const wait = backoffMs(attempt++, backoff, random());
      report({ type: "lost", reason, retry_in_ms: wait });
      await sleep(clock, wait, signal);
    }
  }

  /** One connection from its beginning to its end; returns why it ended. */
  async #round(signal: AbortSignal, onOnline: () => void): Promise<string> {
    const { controlUrl, token, ca, clock, serve, report } = this.#options;
    const server = { url: controlUrl, token, ca };
    const opening = openTunnel(server, this.#credentials, clock, serve);
    const tunnel = await unlessAborted(opening, signal, (late) => late.close());
    let control: ControlConnection | undefined;
    let isOnline = false;
    try {
      const connecting = ControlConnection.open({ ...server, clock });
      control = await unlessAborted(connecting, signal, (late) => late.close());
      // The refresh proves who we are, which is what raises the limit of a frame for a large catalog.
      await this.#refresh(control, tunnel.leaseGeneration, signal);
      await this.#publish(control, tunnel.leaseGeneration, signal);
      isOnline = true;
      onOnline();
      report({ type: "online", services: this.#options.catalog().services.length });
      return await this.#stay(control, tunnel, signal);
    } finally {
      if (isOnline && signal.aborted && control !== undefined) await this.#release(control, tunnel.leaseGeneration);
      control?.close();
      tunnel.close();
    }
  }

  /** Says that the node ends. A server that does not know this, or does not answer, sees it when the lease ends. */
  async #release(control: ControlConnection, generation: number): Promise<void> {
    const { node_id, node_secret } = this.#credentials;
    const answered = new AbortController();
    const late = sleep(this.#options.clock, RELEASE_MS, answered.signal);
    const release = { node_id, node_secret, lease_generation: generation, release: true };
    const answer = control.call("node_lease_refresh", release).then(() => {}, (error) => {
      log.debug("Cannot give the lease back: {error}", { error: errorText(error) });
    });
    await Promise.race([answer, control.ended, late]);
    answered.abort();
  }

  async #stay(
    control: ControlConnection,
    tunnel: { readonly ended: Promise<string>; readonly leaseGeneration: number },
    signal: AbortSignal,
  ): Promise<string> {
    const seen: { lost?: string } = {};
    const end = (reason: string) => {
      seen.lost ??= reason;
      this.#news.wake();
    };
    void tunnel.ended.then(end);
    void control.ended.then((error) => end(errorText(error)));
    for (;;) {
      let isDue = false;
      const cancel = this.#options.clock.after(this.#options.refreshIntervalMs, () => {
        isDue = true;
        this.#news.wake();
      });
      while (seen.lost === undefined && !isDue && !this.#hasChanged && !signal.aborted) await this.#news.wait(signal);
      cancel();
      if (signal.aborted) throw endedError();
      const { lost } = seen;
      if (lost !== undefined) {
        if (!lost.startsWith("superseded")) return lost;
        throw new ZssError("lease_superseded", "Cannot go on: another process runs as this node", {
          hint: "two processes use one state file; stop one of them, or give it a --state-file of its own",
        });
      }
      if (isDue) {
        const known = this.#revision;
        await this.#refresh(control, tunnel.leaseGeneration, signal);
        if (this.#revision === known) continue;
      }
      await this.#publish(control, tunnel.leaseGeneration, signal);
    }
  }

  async #publish(control: ControlConnection, generation: number, signal: AbortSignal): Promise<void> {
    this.#hasChanged = false;
    const { platform, labels, services } = this.#options.catalog();
    const { node_id, node_secret } = this.#credentials;
    const upsert = { node_id, node_secret, lease_generation: generation, platform, labels, services };
    let answer: Record<string, unknown>;
    try {
      answer = await unlessAborted(control.call("node_service_upsert", upsert), signal);
    } catch (error) {
      if (!(error instanceof ZssError) || !refusedCatalog.has(error.code)) throw error;
      // A new connection would bring the same answer; the last catalog that was taken stays in force.
      this.#options.report({ type: "catalog_refused", reason: error.message });
      return;
    }
    this.#revision = revisionIn(answer);
    this.#options.report({ type: "published", services: services.length, changed: answer["event"] !== undefined });
  }

  async #refresh(control: ControlConnection, generation: number, signal: AbortSignal): Promise<void> {
    const { controlUrl, leaseTtlMs, save } = this.#options;
    const { node_id, node_secret } = this.#credentials;
    const refresh = {
      node_id,
      node_secret,
      lease_generation: generation,
      fs_url: urlWithPath(controlUrl, `/v2/fs/node/${node_id}`),
      lease_ttl_ms: leaseTtlMs,
    };
    const answer = await unlessAborted(control.call("node_lease_refresh", refresh), signal);
    const renewed = readCredentials(answer);
    if (renewed.node_id !== node_id || renewed.node_secret !== node_secret) {
      log.warn("Server answered the refresh of {wanted} with {found}: ignored", {
        wanted: node_id,
        found: renewed.node_id,
      });
      return;
    }
    this.#credentials = renewed;
    this.#revision = revisionIn(answer);
    this.#options.report({ type: "lease_refreshed", expires_at_ms: renewed.lease_expires_at_ms });
    log.debug("Lease refreshed until {until}", { until: this.#credentials.lease_expires_at_ms });
    try {
      await save(this.#credentials);
    } catch (error) {
      // The secret has not changed, so what was kept before still brings the node back; a full disk must not end it.
      log.warn("Cannot keep the renewed lease: {error}", { error: errorText(error) });
    }
  }
}

function revisionIn(answer: Readonly<Record<string, unknown>>): number {
  const { revision } = answer;
  return typeof revision === "number" ? revision : 0;
}

/**
 * Waits for `work` for as long as nobody wants the end: a server that does not answer must not hold that up.
 *
 * @param discard Takes what `work` brings after all.
 */
function unlessAborted<Value>(
  work: Promise<Value>,
  signal: AbortSignal,
  discard: (late: Value) => void = () => {},
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(endedError());
      work.then(discard, () => {});
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function endedError(): ZssError {
  return new ZssError("cancelled", "Cannot go on: the node ends");
}
