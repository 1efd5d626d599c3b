/**
 * Which process listens on a port, where the system tells.
 *
 * Only Linux does, and only of processes whose open files one may see: those of
 * the same user, or all of them for root.
 *
 * @module
 */

import { readdir, readFile, readlink } from "node:fs/promises";

/** A process that listens. */
export interface PortHolder {
  readonly pid: number;
  /** What its program calls itself, for example `zss`. */
  readonly name: string;
}

/** State of a socket that listens, in /proc/net/tcp. */
const LISTENING = "0A";

/** Finds who listens on a TCP port, on whatever address; `undefined` when it cannot be known. Never rejects. */
export async function portHolder(port: number): Promise<PortHolder | undefined> {
  const tables = await Promise.all(["/proc/net/tcp", "/proc/net/tcp6"].map((path) => textOf(path)));
  const sockets = new Set(tables.flatMap((table) => socketsOn(table, port)).map((inode) => `socket:[${inode}]`));
  if (sockets.size === 0) return undefined;
  for (const pid of await readdir("/proc").catch(() => [])) {
    if (!/^[0-9]+$/.test(pid) || !await hasOneOf(pid, sockets)) continue;
    return { pid: Number(pid), name: (await textOf(`/proc/${pid}/comm`)).trim() };
  }
  return undefined;
}

/** The sockets that listen on `port`, by their inodes. */
function socketsOn(table: string, port: number): string[] {
  return table.split("\n").slice(1).flatMap((line) => {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    const listensThere = state === LISTENING && Number.parseInt(local.split(":")[1] ?? "", 16) === port;
    return listensThere && inode !== undefined ? [inode] : [];
  });
}

async function hasOneOf(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  const files = await readdir(folder).catch(() => []);
  const targets = await Promise.all(files.map((file) => readlink(`${folder}/${file}`).catch(() => "")));
  return targets.some((target) => sockets.has(target));
}

function textOf(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
