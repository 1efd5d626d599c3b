/**
 * The drivers inside zss. Adding one is adding a file and a line here.
 *
 * @module
 */

import { echo } from "./echo.ts";
import { fail } from "./fail.ts";
import type { DriverProgram } from "./program.ts";
import { sleep } from "./sleep.ts";

export type { DriverIo, DriverProgram } from "./program.ts";

/** Programs by the name that stands behind `zss driver`. */
export const driverPrograms: Readonly<Record<string, DriverProgram>> = { echo, fail, sleep };
