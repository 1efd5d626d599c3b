import type { Context } from "./contexts.ts";

/** A context as commands print it: everything but its token. */
export function contextValue(name: string, context: Context): Readonly<Record<string, unknown>> {
  const { token, ...shown } = context;
  return { name, has_token: token !== undefined, ...shown };
}
