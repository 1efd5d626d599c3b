/**
 * Runs a node as a command: settings, signals, log, numbers, systemd.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import process from "node:process";
import { errorText } from "../../control/protocol/errors.ts";
import { currentOs, endProgramsWithUs, openNotifySocket, readNotifyEnvironment } from "../../drivers/process/mod.ts";
import {
  checkMetricsBind,
  isLoopback,
  type NodeEvent,
  NodeMeters,
  type NodeParts,
  openMetricsServer,
  runNode,
  runStandaloneNode,
} from "../../runtime/mod.ts";
import type { CliContext } from "../io.ts";
import { startLogging } from "../logging.ts";
import { writeReadyFile } from "../ready_file.ts";
import { surviveFaults } from "../survive_faults.ts";
import { VERSION } from "../version.ts";
import { asTemplate, sayAsRecords, sayAsText } from "./events.ts";
import { meterEvent } from "./meter_events.ts";
import { ServiceManager } from "./service_manager.ts";
import { allowedHostsOf, type NodeRunFlags, type NodeSettings, settingsOf } from "./settings.ts";

const log = getLogger(["zss", "node"]);

/** `zss node run`: checks, or runs until a signal ends it. */
export async function runNodeCommand(context: CliContext, flags: NodeRunFlags): Promise<void> {
  const { io } = context;
  const reloads = new ReloadWishes();
  // From now on: the signal ends a program that does not listen to it.
  const stopListening = io.onReloadAsked?.(() => reloads.ask());
  try {
    if (flags.metricsPort !== undefined) checkMetricsBind(metricsOf(flags));
    const settings = await settingsOf(context, flags);
    const parts = partsOf(context, flags, reloads);
    if (flags.check) {
      const { printCheck } = await import("./check.ts");
      const metrics = flags.metricsPort === undefined ? undefined : { ...metricsOf(flags), port: flags.metricsPort };
      await printCheck(context, settings, flags.checkServer, parts, metrics);
    } else {
      await startLogging(context, flags);
      surviveFaults();
      await run(context, flags, settings, parts);
    }
  } finally {
    stopListening?.();
  }
}

/** Whoever wants to hear that the manifests should be read. */
class ReloadWishes {
  readonly #listeners = new Set<() => void>();

  ask(): void {
    for (const listener of this.#listeners) listener();
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

function partsOf(
  { io }: CliContext,
  { allowInproc }: NodeRunFlags,
  reloads: ReloadWishes,
): Omit<NodeParts, "report" | "meters"> {
  return {
    clock: io.clock,
    random: Math.random,
    newCallId: () => `c-${randomBytes(8).toString("hex")}`,
    cwd: process.cwd(),
    env: io.env,
    allowInproc,
    version: VERSION,
    platform: { os: currentOs.platform, arch: Deno.build.arch, runtime_kind: "native" },
    onReloadAsked: (listener) => reloads.listen(listener),
  };
}

async function run(
  context: CliContext,
  flags: NodeRunFlags,
  settings: NodeSettings,
  parts: Omit<NodeParts, "report" | "meters">,
): Promise<void> {
  const { io } = context;
  const { mode, options } = settings;
  const asRecords = flags.logFormat === "json";
  for (const text of notesOf(flags, settings)) {
    if (asRecords) log.info(asTemplate(text));
    else io.stderr.write(`note: ${text}\n`);
  }
  const meters = new NodeMeters({ version: VERSION, mode }, io.clock, () => process.memoryUsage().rss);
  if (mode === "standalone") meters.nodeId = options.nodeName;
  const manager = new ServiceManager(
    readNotifyEnvironment(io.env, process.pid),
    io.clock,
    (address) => openNotifySocket(address, (problem) => log.warn("{problem}", { problem })),
  );
  const { interrupted } = io;
  interrupted.addEventListener("abort", () => {
    meters.state = "ending";
    manager.stopping();
  }, { once: true });
  const ready = new ReadyFile(flags.readyFile);
  const say = asRecords ? sayAsRecords() : sayAsText(io);
  const report = (event: NodeEvent) => {
    meterEvent(meters, event);
    say(event);
    manager.note(event);
    if (event.type === "listening") ready.write(event.url);
  };
  const { metricsPort: port } = flags;
  const metrics = port === undefined
    ? undefined
    : await openMetricsServer({ ...metricsOf(flags), port, allowedHosts: allowedHostsOf(io, flags) }, meters, io.clock);
  const stopWatch = endProgramsWithUs();
  try {
    if (metrics !== undefined) {
      if (asRecords) log.info(asTemplate(`metrics on ${metrics.url}`), { event: "metrics", url: metrics.url });
      else io.stdout.write(`zss node metrics on ${metrics.url}\n`);
    }
    if (mode === "standalone") await runStandaloneNode(options, { ...parts, meters, report }, interrupted);
    else await runNode(options, { ...parts, meters, report }, interrupted);
    if (asRecords) log.info("ended");
    else io.stderr.write("zss node: ended\n");
  } finally {
    await ready.remove();
    await metrics?.close();
    manager.close();
    stopWatch();
  }
}

function metricsOf({ metricsBind: bind, insecureBind = false }: NodeRunFlags): { bind: string; insecureBind: boolean } {
  return { bind, insecureBind };
}

/** What the user may not have meant. */
function notesOf(flags: NodeRunFlags, settings: NodeSettings): string[] {
  const { mode, options } = settings;
  const notes: string[] = [];
  if (flags.controlAuthToken !== undefined) {
    notes.push("--control-auth-token is not needed: a node proves itself with its own secret");
  }
  if (mode === "standalone") {
    notes.push("this node runs standalone; to pair it with a server: --control-url ws://HOST:18790, or --context NAME");
  }
  if (flags.metricsPort !== undefined && !isLoopback(flags.metricsBind)) {
    notes.push("everybody who reaches the port of the numbers can read them: they need no token");
  }
  const { exports, manifestFiles, manifestDirs, terminalIds = [] } = options;
  if (exports.length + manifestFiles.length + manifestDirs.length + terminalIds.length === 0) {
    notes.push("it serves nothing: name services with --services-dir, folders with --export");
  }
  if (settings.mode === "standalone" && terminalIds.length > 0 && settings.options.endpoint.authToken === undefined) {
    notes.push("its terminal is a shell for everybody who reaches its port: there is no token");
  }
  return notes;
}

/** Tells whoever waits where the node listens, for as long as it does. */
class ReadyFile {
  readonly #path: string | undefined;
  #written: Promise<void> = Promise.resolve();

  constructor(path: string | undefined) {
    this.#path = path;
  }

  write(url: string): void {
    if (this.#path === undefined) return;
    this.#written = writeReadyFile(this.#path, url).catch((error) => {
      log.error("{error}", { error: errorText(error) });
    });
  }

  /** Who waits for the next start must not read of this one. */
  async remove(): Promise<void> {
    await this.#written;
    if (this.#path !== undefined) await rm(this.#path, { force: true });
  }
}
