/**
 * The files by which a directory says what it is.
 *
 * @module
 */

import { directory, jsonFile, textFile, type WorldDirectory, type WorldEntry } from "./entry.ts";

/** A directory with `README.md`, `SCHEMA.json` and `CAPS.json`; `children` may bring its own of these. */
export function withAbout(
  title: string,
  text: string,
  children: Readonly<Record<string, () => WorldEntry | undefined>> = {},
): WorldDirectory {
  return directory({
    "README.md": () => textFile(() => `# ${title}\n\n${text}\n`),
    "SCHEMA.json": () => jsonFile(() => ({ kind: "collection", children: title.toLowerCase() })),
    "CAPS.json": () => jsonFile(() => ({ read: true, write: false })),
    ...children,
  });
}
