import { buildCommand } from "@stricli/core";
import { randomBytes } from "node:crypto";
import process from "node:process";
import type { NodeEvent } from "../../runtime/mod.ts";
import { currentOs } from "../../drivers/process/mod.ts";
import { diagnosticLines } from "../diagnostics.ts";
import { usageError } from "../errors.ts";
import { nonEmpty, wholeNumber } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { type Paint, paintFor } from "../paint.ts";
import { nodeRemoteOf } from "../remote.ts";
import { optionalText, pairsOf, repeatedText } from "../text_flags.ts";
import { VERSION } from "../version.ts";

interface Flags {
  readonly controlUrl?: string;
  readonly controlAuthToken?: string;
  readonly operatorToken?: string;
  readonly pairMode?: "invite" | "request";
  readonly inviteToken?: string;
  readonly nodeName: string;
  readonly export: string[];
  readonly serviceManifest: string[];
  readonly servicesDir: string[];
  readonly stateFile: string;
  readonly label: string[];
  readonly fsService: boolean;
  readonly leaseTtlMs: number;
  readonly refreshIntervalMs: number;
  readonly manifestReloadIntervalMs: number;
  readonly invokeAnswerMs: number;
  readonly reconnectBackoffMs: number;
  readonly reconnectBackoffMaxMs: number;
  readonly bind?: string;
  readonly port?: number;
  readonly authToken?: string;
}

const milliseconds = (fallback: number, brief: string, min = 1, max = 2_592_000_000) =>
  ({ kind: "parsed", parse: wholeNumber(min, max), brief, default: String(fallback), placeholder: "ms" }) as const;

/** `zss node run` */
export const command = buildCommand<Flags, [], CliContext>({
  docs: helpPage(`Serve this machine's services and folders through a control plane.

The first start pairs the node with an invite; its identity is kept in the state
file. Manifests are watched: a change takes effect without a restart. Folders
are served read-only. Ctrl-C ends the node.

A context that --context or ZSS_CONTEXT names gives the address too; the current
one does not, and its token is not used: a node proves itself with its own secret.

Examples:
  $ zss node run --control-url ws://127.0.0.1:18790 --invite-token inv-... --services-dir services.d
  $ zss node run --control-url ws://127.0.0.1:18790 --export work=. --label site=hq
  $ zss node run --control-url ws://127.0.0.1:18790
  $ zss node run --control-url wss://zss.example:18790 --ca ca.pem

Exit status:
  0  ended by a signal    1  the server refused    2  wrong usage    3  a fault    4  not allowed`),
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
      inviteToken: optionalText("invite to pair with", "token"),
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
      reconnectBackoffMaxMs: milliseconds(60_000, "longest wait before a new connection", 10),
      bind: optionalText("standalone mode: address to listen on (not in this version)", "address"),
      port: {
        kind: "parsed",
        parse: wholeNumber(0, 65_535),
        brief: "standalone mode: port to listen on (not in this version)",
        optional: true,
        placeholder: "port",
      },
      authToken: optionalText("standalone mode: token of clients (not in this version)", "token"),
    },
  },
  async func(flags) {
    const { io } = this;
    const { url: controlUrl, token, ca } = await nodeRemoteOf(this, flags.controlUrl);
    if (
      controlUrl === undefined || flags.bind !== undefined || flags.port !== undefined || flags.authToken !== undefined
    ) {
      throw usageError(
        "Cannot run a node without a control plane: standalone mode is not part of this version",
        "start one with zss server, and name it with --control-url",
      );
    }
    const { startLogging } = await import("../logging.ts");
    await startLogging(this);
    const { parseExport, runNode } = await import("../../runtime/mod.ts");
    const exports = flags.export.map(parseExport);
    requireUnique(exports.map((spec) => spec.name), "--export");
    for (const spec of exports) {
      if (spec.mode === "rw") {
        io.stderr.write(`note: export "${spec.name}" is served read-only: this version does not write to folders\n`);
      }
    }
    if (flags.controlAuthToken !== undefined) {
      io.stderr.write("note: --control-auth-token is not needed: a node proves itself with its own secret\n");
    }
    const paint = paintFor(io.stderr, io.env);
    await runNode({
      controlUrl,
      token: flags.controlAuthToken ?? token,
      pairMode: flags.pairMode ?? (flags.inviteToken === undefined ? "request" : "invite"),
      ca,
      inviteToken: flags.inviteToken,
      nodeName: flags.nodeName,
      exports,
      manifestFiles: flags.serviceManifest,
      manifestDirs: flags.servicesDir,
      stateFile: flags.stateFile,
      labels: pairsOf(flags.label, "--label"),
      fsService: flags.fsService,
      leaseTtlMs: flags.leaseTtlMs,
      refreshIntervalMs: flags.refreshIntervalMs,
      reloadIntervalMs: flags.manifestReloadIntervalMs,
      invokeAnswerMs: flags.invokeAnswerMs,
      backoff: { baseMs: flags.reconnectBackoffMs, maxMs: flags.reconnectBackoffMaxMs },
    }, {
      clock: io.clock,
      random: Math.random,
      newCallId: () => `c-${randomBytes(8).toString("hex")}`,
      cwd: process.cwd(),
      env: io.env,
      version: VERSION,
      platform: { os: currentOs.platform, arch: Deno.build.arch, runtime_kind: "native" },
      report: (event) => {
        const text = describe(event, paint);
        (event.type === "findings" || event.type === "catalog_refused" || event.type === "lost" ||
            event.type === "waiting_for_server"
          ? io.stderr
          : io.stdout)
          .write(text);
      },
    }, io.interrupted);
    io.stderr.write("zss node: ended\n");
  },
});

/** One event of a node for a person; empty where there is nothing to say. */
function describe(event: NodeEvent, paint: Paint): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  switch (event.type) {
    case "paired":
      return event.resumed
        ? `zss node ${event.node_id} (${event.node_name}) resumed\n`
        : `zss node ${event.node_id} (${event.node_name}) paired\n`;
    case "online":
      return `zss node online: ${event.services} service${event.services === 1 ? "" : "s"} published\n`;
    case "published":
      return "";
    case "catalog_refused":
      return `zss node: the server refuses the catalog, the last one stays: ${event.reason}\n`;
    case "lost":
      return `zss node offline: ${event.reason}; next try in ${seconds(event.retry_in_ms)}\n`;
    case "waiting_for_server":
      return `zss node waits: ${event.reason}; next try in ${seconds(event.retry_in_ms)}\n`;
    case "identity_lost":
      return `zss node pairs again: ${event.reason}; what it was is kept in ${event.kept_as}\n`;
    case "asks_to_join":
      return `zss node asks to join as ${event.request_id}${
        event.code === "" ? "" : `, code ${paint.bold(event.code)}`
      }\n` +
        `  an admin compares the code and approves: zss node approve ${event.request_id}\n`;
    case "invite_unusable":
      return `zss node cannot use its invite again, so it asks to join: ${event.reason}\n`;
    case "token_refused":
      return `zss node goes on without the bearer token, which a node does not need: ${event.reason}\n`;
    case "draining":
      return `zss node ends: runs under way get ${seconds(event.grace_ms)}\n`;
    case "findings":
      return event.findings.length === 0
        ? "zss node: all manifests are in order again\n"
        : diagnosticLines(event.findings, paint);
    case "reloaded": {
      const { added, replaced, removed } = event.change;
      const part = (sign: string, ids: readonly string[]) => ids.map((id) => `${sign}${id}`);
      return `zss node reloaded: ${[...part("+", added), ...part("~", replaced), ...part("-", removed)].join(" ")}\n`;
    }
  }
}

function requireUnique(names: readonly string[], flag: string): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw usageError(`Cannot use ${flag} twice for "${twice}"`);
}
