/**
 * The little that a program wants to know of its system before it knows what it
 * will do; every other difference stands in `os.ts`, which loads what starts
 * processes.
 *
 * @module
 */

/** Name of the system on the wire, as the reference writes it. */
export const platform: string = Deno.build.os === "darwin" ? "macos" : Deno.build.os;

/** Signals by which a user or the system asks this program to end. */
export const stopSignals: readonly ("SIGINT" | "SIGTERM")[] = platform === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** Signal by which a service manager asks a program to read its configuration again; undefined where there is none. */
export const reloadSignal: "SIGHUP" | undefined = platform === "windows" ? undefined : "SIGHUP";
