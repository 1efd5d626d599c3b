import type { CliIo } from "../io.ts";

/** Says that the environment names a context, for commands that are about the current one. */
export function noteNamedContext({ env, stderr }: CliIo): void {
  const name = (env["ZSS_CONTEXT"] ?? "").trim();
  if (name !== "") stderr.write(`note: ZSS_CONTEXT names "${name}", which goes before the current context\n`);
}
