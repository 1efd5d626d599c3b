import { buildCommand } from "@stricli/core";
import { getLogger } from "@logtape/logtape";
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import process from "node:process";
import { errorText } from "../../control/protocol/errors.ts";
import { currentOs, openNotifySocket, readNotifyEnvironment } from "../../drivers/process/mod.ts";
import type { NodeEvent } from "../../runtime/mod.ts";
import { hostWord } from "../allowed.ts";
import { nonEmpty, wholeNumber } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { logFlags } from "../log_flags.ts";
import { sayAsRecords, sayAsText } from "../node_run/events.ts";
import { meterEvent } from "../node_run/meter_events.ts";
import { ServiceManager } from "../node_run/service_manager.ts";
import { type NodeRunFlags, settingsOf } from "../node_run/settings.ts";
import { writeReadyFile } from "../ready_file.ts";
import { optionalText, repeatedText } from "../text_flags.ts";
import { VERSION } from "../version.ts";

const log = getLogger(["zss", "node"]);

const optionalPort = (brief: string) =>
  ({ kind: "parsed", parse: wholeNumber(0, 65_535), brief, optional: true, placeholder: "port" }) as const;

const milliseconds = (fallback: number, brief: string, min = 1, max = 2_592_000_000) =>
  ({ kind: "parsed", parse: wholeNumber(min, max), brief, default: String(fallback), placeholder: "ms" }) as const;

/** `zss node run` */
export const command = buildCommand<NodeRunFlags, [], CliContext>({
  docs: helpPage(`Serve this machine's services and folders, through a control plane or by itself.

The first start pairs the node with an invite; its identity is kept in the state
file. Manifests are watched: a change takes effect without a restart. Folders
are served read-only. Ctrl-C (SIGTERM) lets runs end, a second one ends at once;
SIGHUP reads the manifests anew.

Without a control plane the node takes clients itself, on loopback. Beyond this
machine it wants TLS and a token (ZSS_NODE_AUTH_TOKEN).

A context that --context or ZSS_CONTEXT names gives the address too; the current
one does not, and its token is not used: a node proves itself with its own secret.

Examples:
  $ zss node run --control-url ws://127.0.0.1:18790 --invite-token inv-... --services-dir services.d
  $ zss node run --control-url ws://127.0.0.1:18790 --export work=. --label site=hq
  $ zss node run --control-url wss://zss.example:18790 --ca ca.pem --invite-token-file invite
  $ zss node run --services-dir services.d --export work=.
  $ zss node run --control-url ws://127.0.0.1:18790 --services-dir services.d --check

Exit status:
  0  ended by a signal, or --check found nothing wrong    1  the server refused, or --check found problems
  2  wrong usage    3  a fault    4  not allowed    130  ended at once by a second signal`),
  parameters: {
    flags: {
      controlUrl: optionalText("address of the server", "ws-url"),
      controlAuthToken: optionalText("bearer token for the server; a node does not need one", "token"),
      operatorToken: optionalText("taken for compatibility; pairing by invite does not need it", "token"),
      pairMode: {
        kind: "enum",
        values: ["invite", "request"],
        brief: "how to pair; with an invite when there is one, else by asking an admin",
        optional: true,
      },
      inviteToken: optionalText("invite to pair with (or ZSS_INVITE_TOKEN)", "token"),
      inviteTokenFile: optionalText("file that holds it, read for every try (or ZSS_INVITE_TOKEN_FILE)", "path"),
      nodeName: {
        kind: "parsed",
        parse: nonEmpty,
        brief: "name of the node",
        default: "spiderweb-fs-node",
        placeholder: "name",
      },
      export: repeatedText("folder to serve: name=path[:ro]; repeatable", "spec"),
      serviceManifest: repeatedText("manifest of a service; repeatable", "path"),
      servicesDir: repeatedText("folder of manifests, *.json and *.jsonc; repeatable", "path"),
      stateFile: {
        kind: "parsed",
        parse: nonEmpty,
        brief: "file that keeps the node's identity",
        default: "./spiderweb-fs-node-state.json",
        placeholder: "path",
      },
      label: repeatedText("label of the node: key=value; repeatable", "label"),
      fsService: { kind: "boolean", brief: "publish the fs service", default: true },
      leaseTtlMs: milliseconds(900_000, "how long the server waits for a sign of life"),
      refreshIntervalMs: milliseconds(60_000, "time between signs of life", 100),
      manifestReloadIntervalMs: milliseconds(2_000, "time between looks at the manifests", 10),
      invokeAnswerMs: milliseconds(40_000, "after how long a run goes on without whoever asked for it", 1, 44_000),
      reconnectBackoffMs: milliseconds(5_000, "first wait before a new connection", 10),
      reconnectBackoffMaxMs: {
        kind: "parsed",
        parse: wholeNumber(10, 2_592_000_000),
        brief: "longest wait before a new connection; 60000",
        optional: true,
        placeholder: "ms",
      },
      drainTimeoutMs: milliseconds(5_000, "how long runs may go on when the node ends", 0, 3_600_000),
      ...logFlags,
      metricsPort: optionalPort("show numbers on /metrics, and /livez and /readyz, on this port; 0 takes a free one"),
      metricsBind: {
        kind: "parsed",
        parse: nonEmpty,
        brief: "address of the numbers",
        default: "127.0.0.1",
        placeholder: "address",
      },
      check: {
        kind: "boolean",
        brief: "say whether the node could run, then exit; changes nothing",
        default: false,
        withNegated: false,
      },
      checkServer: {
        kind: "boolean",
        brief: "with --check: connect to the server too",
        default: false,
        withNegated: false,
      },
      bind: optionalText("standalone: address to listen on; 127.0.0.1", "address"),
      port: optionalPort("standalone: port to listen on, 18891; 0 takes a free one"),
      authToken: optionalText("standalone: what clients have to bring; better in the file", "token"),
      authTokenFile: optionalText("standalone: file that holds it (or ZSS_NODE_AUTH_TOKEN)", "path"),
      tlsCert: optionalText("standalone: certificate, PEM, its issuers after it", "file"),
      tlsKey: optionalText("standalone: its private key, PEM", "file"),
      insecureBind: {
        kind: "boolean",
        brief: "standalone: listen beyond this machine without TLS, or without a token",
        optional: true,
        withNegated: false,
      },
      allowedHost: {
        kind: "parsed",
        parse: hostWord,
        brief: "standalone: name by which the node is reached; repeatable",
        variadic: true,
        default: [],
        placeholder: "name",
      },
      readyFile: optionalText("standalone: write {url, pid} as JSON there once listening", "path"),
    },
  },
  async func(flags) {
    const settings = await settingsOf(this, flags);
    const { io } = this;
    const { NodeMeters, openMetricsServer, runNode, runStandaloneNode } = await import("../../runtime/mod.ts");
    const parts = {
      clock: io.clock,
      random: Math.random,
      newCallId: () => `c-${randomBytes(8).toString("hex")}`,
      cwd: process.cwd(),
      env: io.env,
      version: VERSION,
      platform: { os: currentOs.platform, arch: Deno.build.arch, runtime_kind: "native" },
      ...(io.onReloadAsked === undefined ? {} : { onReloadAsked: io.onReloadAsked }),
    };
    if (flags.check) {
      const { printCheck } = await import("../node_run/check.ts");
      return await printCheck(this, settings, flags.checkServer, parts);
    }
    const { startLogging } = await import("../logging.ts");
    await startLogging(this, flags);
    const asRecords = flags.logFormat === "json";
    const note = (text: string) => asRecords ? log.info("{text}", { text }) : io.stderr.write(`note: ${text}\n`);
    if (flags.controlAuthToken !== undefined) {
      note("--control-auth-token is not needed: a node proves itself with its own secret");
    }
    if (settings.mode === "standalone") {
      note("this node runs standalone; to pair it with a server: --control-url ws://HOST:18790, or --context NAME");
      if (settings.options.exports.length + flags.serviceManifest.length + flags.servicesDir.length === 0) {
        note("it serves nothing: name services with --services-dir, folders with --export");
      }
    }
    const meters = new NodeMeters({ version: VERSION, mode: settings.mode }, io.clock, () => process.memoryUsage().rss);
    if (settings.mode === "standalone") meters.nodeId = settings.options.nodeName;
    const manager = new ServiceManager(
      readNotifyEnvironment(io.env, process.pid),
      io.clock,
      (address) => openNotifySocket(address, (problem) => log.warn("{problem}", { problem })),
    );
    const say = asRecords ? sayAsRecords() : sayAsText(io);
    const report = (event: NodeEvent) => {
      meterEvent(meters, event);
      say(event);
      manager.note(event);
      if (event.type === "listening" && flags.readyFile !== undefined) {
        written = writeReadyFile(flags.readyFile, event.url);
        written.catch((error) => log.error("{error}", { error: errorText(error) }));
      }
    };
    let written: Promise<void> | undefined;
    const { metricsPort: port, metricsBind: bind } = flags;
    const metrics = port === undefined ? undefined : await openMetricsServer({ bind, port }, meters, io.clock);
    const { interrupted } = io;
    interrupted.addEventListener("abort", () => {
      meters.state = "ending";
      manager.stopping();
    }, { once: true });
    try {
      if (metrics !== undefined) {
        if (asRecords) log.info("metrics on {url}", { url: metrics.url });
        else io.stdout.write(`zss node metrics on ${metrics.url}\n`);
      }
      if (settings.mode === "standalone") {
        await runStandaloneNode(settings.options, { ...parts, meters, report }, interrupted);
      } else await runNode(settings.options, { ...parts, meters, report }, interrupted);
      if (asRecords) log.info("ended");
      else io.stderr.write("zss node: ended\n");
    } finally {
      await written?.catch(() => {});
      // Who waits for the next start must not read of this one.
      if (flags.readyFile !== undefined) await rm(flags.readyFile, { force: true });
      await metrics?.close();
      manager.close();
    }
  },
});
