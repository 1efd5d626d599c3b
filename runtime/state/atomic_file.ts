/**
 * Writes a file so that a crash leaves the old content or the new one.
 *
 * @module
 */

import { chmod, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";

/**
 * Replaces the content of `path`: a file beside it is written, synced and
 * renamed over it. Folders above it are made when missing.
 *
 * @param mode Rights of the file; 0o600 keeps a secret to its owner. No meaning on Windows.
 */
export async function writeAtomically(path: string, content: string, mode = 0o600): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  // The number tells lockState() whether whoever began this can still end it.
  const beside = `${path}.${process.pid}-${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    const file = await open(beside, "wx", mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    // The rights of a new file are cut by the umask; a secret must have exactly these.
    await chmod(beside, mode);
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Makes the rename itself durable, where the system lets a folder be synced. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Windows has no such thing; the content itself is safe already.
  }
}
