import { buildCommand } from "@stricli/core";
import { hostWord } from "../allowed.ts";
import { nonEmpty, wholeNumber } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { logFlags } from "../log_flags.ts";
import type { NodeRunFlags } from "../node_run/settings.ts";
import { optionalText, repeatedText } from "../text_flags.ts";

const optionalPort = (brief: string) =>
  ({ kind: "parsed", parse: wholeNumber(0, 65_535), brief, optional: true, placeholder: "port" }) as const;

const milliseconds = (fallback: number, brief: string, min = 1, max = 2_592_000_000) =>
  ({ kind: "parsed", parse: wholeNumber(min, max), brief, default: String(fallback), placeholder: "ms" }) as const;

/** `zss node run` */
export const command = buildCommand<NodeRunFlags, [], CliContext>({
  docs: helpPage(`Serve this machine's services and folders, through a control plane or by itself.

The first start pairs the node with an invite; its identity is kept in the state
file. Manifests are watched: a change takes effect without a restart. Folders
can be written unless their spec ends in :ro. Ctrl-C (SIGTERM) lets runs end, a
second one ends at once; SIGHUP reads the manifests anew.

Without a control plane (--control-url, --url or ZSS_URL name one) the node takes
clients itself, on loopback. Beyond this machine it wants TLS and a token
(ZSS_NODE_AUTH_TOKEN).

A context that --context or ZSS_CONTEXT names gives the address too; the current
one does not, and its token is not used: a node proves itself with its own secret.

Examples:
  $ zss node run --control-url ws://127.0.0.1:18790 --invite-token inv-... --services-dir services.d
  $ zss node run --control-url ws://127.0.0.1:18790 --export work=work --label site=hq
  $ zss node run --control-url wss://zss.example:18790 --ca ca.pem --invite-token-file invite
  $ zss node run --control-url ws://127.0.0.1:18790 --terminal-id 1
  $ zss node run --services-dir services.d --export work=work
  $ zss node run --control-url ws://127.0.0.1:18790 --services-dir services.d --check

Exit status:
  0  ended by a signal, or --check found nothing wrong    1  the server refused, or --check found problems
  2  wrong usage    3  a fault    4  not allowed    130  ended at once by a second signal`),
  parameters: {
    flags: {
      controlUrl: optionalText("address of the server (or ZSS_URL)", "ws-url"),
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
      export: repeatedText("folder to serve: name=path[:ro|:rw]; repeatable", "spec"),
      serviceManifest: repeatedText("manifest of a service; repeatable", "path"),
      servicesDir: repeatedText("folder of manifests, *.json and *.jsonc; repeatable", "path"),
      terminalId: repeatedText("offer a terminal: a shell with the rights of the node; repeatable", "id"),
      terminalRole: {
        kind: "enum",
        values: ["user", "operator"],
        brief: "let others than admins use the terminals; repeatable",
        variadic: true,
        default: [],
      },
      stateFile: {
        kind: "parsed",
        parse: nonEmpty,
        brief: "file that keeps the node's identity",
        default: "./spiderweb-fs-node-state.json",
        placeholder: "path",
      },
      label: repeatedText("label of the node: key=value; repeatable", "label"),
      fsService: { kind: "boolean", brief: "publish the fs service", default: true },
      allowInproc: {
        kind: "boolean",
        brief: "load shared libraries (native_inproc), each in a process of its own",
        default: false,
        withNegated: false,
      },
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
        brief: "listen beyond this machine without TLS or a token; show numbers there; give a terminal without a token",
        optional: true,
        withNegated: false,
      },
      allowedHost: {
        kind: "parsed",
        parse: hostWord,
        brief: "name by which a standalone node, or the numbers, are reached; repeatable",
        variadic: true,
        default: [],
        placeholder: "name",
      },
      readyFile: optionalText("standalone: write {url, pid} as JSON there once listening", "path"),
    },
  },
  async func(flags) {
    const { runNodeCommand } = await import("../node_run/run.ts");
    await runNodeCommand(this, flags);
  },
});
