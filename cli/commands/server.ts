import { buildCommand } from "@stricli/core";
import { writeFile } from "node:fs/promises";
import { errorText, ZssError } from "../../control/protocol/errors.ts";
import { dataDirFlag, defaultDataDir } from "../data_dir.ts";
import { usageError } from "../errors.ts";
import { nonEmpty, wholeNumber } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { paintFor } from "../paint.ts";
import { readToken } from "../remote.ts";

interface Flags {
  readonly bind: string;
  readonly port: number;
  readonly dataDir?: string;
  readonly adminTokenFile?: string;
  readonly readyFile?: string;
  readonly offlineGraceMs: number;
}

/** `zss server` */
export const command = buildCommand<Flags, [], CliContext>({
  docs: helpPage(`Run the control plane: pair nodes, keep their catalog, stream its changes.

The first start makes an admin token and shows it once on standard error, unless
ZSS_ADMIN_TOKEN or --admin-token-file gives one. State is kept in the data
folder; a restart forgets nothing. Ctrl-C ends the server.

Examples:
  $ zss server
  $ zss server --port 0 --ready-file server.json
  $ zss server --data-dir /var/lib/zss --admin-token-file /run/secrets/zss

The store, while no server uses it (each has --help):
  zss server verify     read all of it and say what is wrong
  zss server backup     copy it into one file
  zss server restore    put a backup in its place
  zss server compact    give unused space back

Exit status:
  0  ended by a signal    2  wrong usage    3  could not listen or use the data folder`),
  parameters: {
    flags: {
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
    const { startLogging } = await import("../logging.ts");
    await startLogging(this);
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
      await server.close();
    }
  },
});

/** Settles when the signal fires. */
export function interruption(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

async function writeReadyFile(path: string, url: string): Promise<void> {
  try {
    await writeFile(path, JSON.stringify({ url, pid: Deno.pid }) + "\n", { mode: 0o600 });
  } catch (cause) {
    throw new ZssError("io", `Cannot write the ready file "${path}": ${errorText(cause)}`, {
      hint: "make its folder first, or name another file with --ready-file",
      cause,
    });
  }
}

async function presetToken(file: string | undefined, env: CliContext["io"]["env"]): Promise<string | undefined> {
  if (file !== undefined) return await readToken(file, "--admin-token-file");
  const token = (env["ZSS_ADMIN_TOKEN"] ?? env["SPIDERWEB_AUTH_TOKEN"] ?? "").trim();
  if (token !== "" && token.length < 16) {
    throw usageError("Cannot use the admin token of the environment: it is shorter than 16 characters");
  }
  return token === "" ? undefined : token;
}
