import { buildCommand } from "@stricli/core";
import { rm } from "node:fs/promises";
import { allowedList, hostWord, originWord } from "../allowed.ts";
import { dataDirFlag, defaultDataDir } from "../data_dir.ts";
import { usageError } from "../errors.ts";
import { nonEmpty, wholeNumber } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { logFlags, type LogWishes } from "../log_flags.ts";
import { paintFor } from "../paint.ts";
import { writeReadyFile } from "../ready_file.ts";
import { readToken } from "../remote.ts";
import { certificateFiles } from "../tls_flags.ts";

interface Flags extends LogWishes {
  readonly bind: string;
  readonly port: number;
  readonly dataDir?: string;
  readonly adminTokenFile?: string;
  readonly readyFile?: string;
  readonly offlineGraceMs: number;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly insecureBind: boolean;
  readonly allowedHost: string[];
  readonly allowedOrigin: string[];
}

/** `zss server` */
export const command = buildCommand<Flags, [], CliContext>({
  docs: helpPage(`Run the control plane: pair nodes, keep their catalog, stream its changes.

The first start makes an admin token and shows it once on standard error, unless
ZSS_ADMIN_TOKEN or --admin-token-file gives one. State is kept in the data
folder; a restart forgets nothing. Ctrl-C ends the server.

It listens on loopback. Beyond this machine it wants TLS; new files of the same
names are taken without a restart. It answers to the names of this machine and
to the address that a peer has connected to; others are named with
--allowed-host (ZSS_ALLOWED_HOSTS, ZSS_ALLOWED_ORIGINS: lists with commas).

Examples:
  $ zss server
  $ zss server --port 0 --ready-file server.json
  $ zss server --data-dir /var/lib/zss --admin-token-file /run/secrets/zss
  $ zss server --bind 0.0.0.0 --tls-cert zss.pem --tls-key zss.key --allowed-host zss.example

People and what they did (each has --help):
  zss server token      make, list, end and renew bearer tokens
  zss server audit      see who did what, and whether the record is whole

The store, while no server uses it (each has --help):
  zss server verify     read all of it and say what is wrong
  zss server backup     copy it into one file
  zss server restore    put a backup in its place
  zss server compact    give unused space back

Exit status:
  0  ended by a signal    2  wrong usage    3  could not listen or use the data folder`),
  parameters: {
    flags: {
      ...logFlags,
      bind: {
        kind: "parsed",
        parse: nonEmpty,
        brief: "address to listen on",
        default: "127.0.0.1",
        placeholder: "address",
      },
      port: {
        kind: "parsed",
        parse: wholeNumber(0, 65_535),
        brief: "TCP port; 0 takes a free one",
        default: "18790",
        placeholder: "port",
      },
      dataDir: dataDirFlag,
      adminTokenFile: {
        kind: "parsed",
        parse: nonEmpty,
        brief: "file that holds the admin token to use",
        optional: true,
        placeholder: "path",
      },
      offlineGraceMs: {
        kind: "parsed",
        parse: wholeNumber(0, 2_592_000_000),
        brief: "delete a node that is offline for so many milliseconds",
        default: "86400000",
        placeholder: "ms",
      },
      tlsCert: {
        kind: "parsed",
        parse: nonEmpty,
        brief: "speak TLS with the certificate of this file, in PEM form, its issuers after it",
        optional: true,
        placeholder: "file",
      },
      tlsKey: {
        kind: "parsed",
        parse: nonEmpty,
        brief: "file of its private key, in PEM form",
        optional: true,
        placeholder: "file",
      },
      insecureBind: {
        kind: "boolean",
        brief: "listen beyond this machine without TLS",
        default: false,
        withNegated: false,
      },
      allowedHost: {
        kind: "parsed",
        parse: hostWord,
        brief: "name by which the server is reached; repeatable",
        variadic: true,
        default: [],
        placeholder: "name",
      },
      allowedOrigin: {
        kind: "parsed",
        parse: originWord,
        brief: "origin whose pages may connect; repeatable",
        variadic: true,
        default: [],
        placeholder: "origin",
      },
      readyFile: {
        kind: "parsed",
        parse: nonEmpty,
        brief: "write {url, pid} as JSON there once listening",
        optional: true,
        placeholder: "path",
      },
    },
  },
  async func(flags) {
    const { io } = this;
    const paint = paintFor(io.stderr, io.env);
    const [{ startLogging }, { surviveFaults }] = await Promise.all([
      import("../logging.ts"),
      import("../survive_faults.ts"),
    ]);
    await startLogging(this, flags);
    surviveFaults();
    const { eventLogConfigFrom, scopeTokensFrom, startServer, systemRandom, watchConfigFrom } = await import(
      "../../control/server/mod.ts"
    );
    const dataDir = flags.dataDir ?? defaultDataDir(io.env);
    const server = await startServer({
      bind: flags.bind,
      port: flags.port,
      dataDir,
      adminToken: await presetToken(flags.adminTokenFile, io.env),
      maxAnonymousSockets: 256,
      pingIntervalMs: 20_000,
      offlineGraceMs: flags.offlineGraceMs,
      tls: certificateFiles(flags),
      insecureBind: flags.insecureBind,
      allowedHosts: allowedList(flags.allowedHost, io.env, "ZSS_ALLOWED_HOSTS", hostWord),
      allowedOrigins: allowedList(flags.allowedOrigin, io.env, "ZSS_ALLOWED_ORIGINS", originWord),
      watch: watchConfigFrom(io.env),
      scopeTokens: scopeTokensFrom(io.env),
      eventLog: eventLogConfigFrom(dataDir, io.env),
    }, { clock: io.clock, random: systemRandom });
    try {
      if (server.newAdminToken !== undefined) {
        io.stderr.write(`${paint.bold("admin token")} ${server.newAdminToken}\n`);
        io.stderr.write(`  ${paint.dim("shown once; keep it, and give it to clients as ZSS_TOKEN")}\n`);
      }
      io.stdout.write(`zss server listening on ${server.url}\n`);
      if (flags.readyFile !== undefined) {
        await writeReadyFile(flags.readyFile, server.url);
      }
      await interruption(io.interrupted);
      io.stderr.write("zss server: ending\n");
    } finally {
      // Who waits for the next start must not read of this one.
      if (flags.readyFile !== undefined) await rm(flags.readyFile, { force: true });
      await server.close();
    }
  },
});

/** Settles when the signal fires. */
export function interruption(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

async function presetToken(file: string | undefined, env: CliContext["io"]["env"]): Promise<string | undefined> {
  if (file !== undefined) return await readToken(file, "--admin-token-file");
  const token = (env["ZSS_ADMIN_TOKEN"] ?? env["SPIDERWEB_AUTH_TOKEN"] ?? "").trim();
  if (token !== "" && token.length < 16) {
    throw usageError("Cannot use the admin token of the environment: it is shorter than 16 characters");
  }
  return token === "" ? undefined : token;
}
