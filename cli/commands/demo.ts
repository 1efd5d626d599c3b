import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";

/** `zss demo` */
export const command = buildCommand<{ readonly once: boolean }, [], CliContext>({
  docs: helpPage(`Start a server and a node on this machine, pair them with an invite, invoke
services, let one fail, change a manifest, and show every event of it.

Stays up until Ctrl-C and says how to look around. Everything it writes is in
one temporary folder that it removes.

Examples:
  $ zss demo
  $ zss demo --once

Exit status:
  0  all is well    1  a step failed, its name is in the error`),
  parameters: {
    flags: {
      once: { kind: "boolean", brief: "check each step and end", default: false, withNegated: false },
    },
  },
  async func(flags) {
    const { runDemo } = await import("../demo/run.ts");
    await runDemo(this.io, flags.once);
  },
});
