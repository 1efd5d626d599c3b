/**
 * Processes and time, for every floor of the house.
 *
 * @module
 */

export { afterLong, type CancelTimer, type Clock, sleep, systemClock } from "./clock.ts";
export { ManualClock } from "./manual_clock.ts";
export { currentOs, type FoundProgram, type Machine, type Os, osNamed, type SearchPlaces } from "./os.ts";
export { makeTerminalRaw } from "./raw_terminal.ts";
export { endProgramsWithUs } from "./orphan_watch.ts";
export { type RunEnd, type RunOptions, runProgram, type RunResult } from "./run.ts";
export { openPty, type Pty, type PtyOptions, type PtySize, type PtySupport, ptySupport } from "./pty.ts";
export { HELPER_VARIABLE, type HelperRole } from "./helper_role.ts";
export { helperCommand, programCommand, type SelfCommand, type SelfFacts } from "./self_command.ts";
export { type LaunchFailure, type ProgramExit, type StartedProgram, type StartOptions, startProgram } from "./spawn.ts";
export { type NotifyEnvironment, type NotifySocket, openNotifySocket, readNotifyEnvironment } from "./notify_socket.ts";
export { Waker } from "./waker.ts";
export { platform, reloadSignal, stopSignals } from "./this_system.ts";
