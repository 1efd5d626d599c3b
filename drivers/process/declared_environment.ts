/**
 * Which variables a program of a manifest gets.
 *
 * @module
 */

import type { Os } from "./os.ts";
import { isReservedVariable } from "./reserved_variables.ts";

/** `runtime.env` of a manifest: text sets a variable, true hands over that of the node. */
export type DeclaredVariables = Readonly<Record<string, string | true>>;

/** What the manifest asks for, without what no manifest may set; a variable that the node lacks stays away. */
export function declaredVariables(
  declared: DeclaredVariables,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(declared).flatMap(([name, value]) => {
      const text = value === true ? env[name] : value;
      return text === undefined || isReservedVariable(name) ? [] : [[name, text]];
    }),
  );
}

/** The few variables that every program gets, and those of the manifest, which win. */
export function programEnvironment(
  declared: DeclaredVariables,
  env: Readonly<Record<string, string | undefined>>,
  os: Os,
): Record<string, string> {
  const clean = Object.entries(os.cleanEnvironment(env)).filter(([name]) => !isReservedVariable(name));
  return { ...Object.fromEntries(clean), ...declaredVariables(declared, env) };
}
