import type { CliIo } from "../io.ts";
import type { Contexts } from "./contexts.ts";

/** Says that the environment names a context, for commands that are about the current one. */
export function noteNamedContext({ env, stderr }: CliIo, { byName }: Contexts): void {
  const name = (env["ZSS_CONTEXT"] ?? "").trim();
  if (name === "") return;
  const what = byName.has(name) ? "which goes before the current context" : "and there is no such context";
  stderr.write(`note: ZSS_CONTEXT names "${name}", ${what}\n`);
}
