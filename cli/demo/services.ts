/**
 * The services of the demo: those of examples/services.d.
 *
 * They are part of the program, so that the demo works from a binary alone.
 *
 * @module
 */

import disabled from "../../examples/services.d/disabled.json" with { type: "json" };
import echo from "../../examples/services.d/echo.json" with { type: "json" };
import failing from "../../examples/services.d/failing.json" with { type: "json" };
import slow from "../../examples/services.d/slow.json" with { type: "json" };

/** Manifests by file name. */
export const demoManifests: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "disabled.json": disabled,
  "echo.json": echo,
  "failing.json": failing,
  "slow.json": slow,
};
