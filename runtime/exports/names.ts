/**
 * Which names mean a file of their own, and which two names mean one.
 *
 * Pure: the system whose rules are asked for is a parameter. What a file system
 * really folds is known only to itself; these rules are for deciding what must
 * be kept from clients, so they fold more rather than less.
 *
 * @module
 */

import { isNameOnWindows } from "../../control/protocol/mod.ts";
import type { Os } from "../../drivers/process/mod.ts";

type OsName = Os["name"];

/** Files of the runtime itself; never shown. */
const HIDDEN = ".spiderweb-sandbox";

/** What the file system of macOS leaves out of account in a name. */
const IGNORABLE = /[\u200c-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g;

/**
 * Whether a name means a file of its own on `system`.
 *
 * Windows opens a device for `CON`, a stream for `a:b`, and `a` for `a.`; such
 * a name would reach something that the listing does not show.
 */
export function isOrdinaryName(name: string, system: OsName): boolean {
  return system !== "windows" || isNameOnWindows(name);
}

/** Whether a name belongs to the runtime and is kept from clients, at any depth. */
export function isHidden(name: string, system: OsName): boolean {
  return foldName(name, system) === HIDDEN;
}

/**
 * The form that all names share which `system` may take for one: case twins, and on macOS also those that differ in
 * how a letter is composed or in signs that nobody sees. On Linux every name is its own.
 */
export function foldName(name: string, system: OsName): string {
  if (system === "linux") return name;
  const visible = system === "darwin" ? name.replace(IGNORABLE, "").normalize("NFC") : name;
  // Both ways: "ſ" has a capital "S" and none of its own, "K" (Kelvin) a small "k".
  return visible.toUpperCase().toLowerCase();
}
