/**
 * The driver that runs one command for each invocation of a terminal.
 *
 * A command that was run is a success of the service, whatever it made of it:
 * its exit code stands in the result. What fails is a payload that is none
 * (exit code 125) and a command that runs out of time; even then the result
 * of the call holds what it had written.
 *
 * Source: docs/terminal.md.
 *
 * @module
 */

import type { Driver, HealthReport, Invocation, InvokeResult } from "../../drivers/driver.ts";
import { runProgram, type RunResult } from "../../drivers/process/mod.ts";
import { type OutputText, outputText } from "./output_text.ts";
import { findProgram, shellOf, type TerminalDeps } from "./programs.ts";
import { type ExecRequest, InvalidPayload, readExecRequest } from "./request.ts";

/** Exit code for a payload that cannot be used. */
const INVALID_PAYLOAD = 125;

/** How many commands of one terminal may run at the same time. */
const CONCURRENCY = 4;

/** Makes the driver of a terminal. @param onClose Called once, when the driver is closed. */
export function createExecDriver(
  terminal_id: string,
  deps: TerminalDeps,
  onClose: (driver: Driver) => Promise<void> = () => Promise.resolve(),
): Driver {
  return new ExecDriver(terminal_id, deps, onClose);
}

class ExecDriver implements Driver {
  readonly runtime = "native_proc";
  readonly concurrency = CONCURRENCY;
  readonly #terminalId: string;
  readonly #deps: TerminalDeps;
  readonly #onClose: (driver: Driver) => Promise<void>;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<InvokeResult>>();

  constructor(terminalId: string, deps: TerminalDeps, onClose: (driver: Driver) => Promise<void>) {
    this.#terminalId = terminalId;
    this.#deps = deps;
    this.#onClose = onClose;
  }

  async invoke(invocation: Invocation): Promise<InvokeResult> {
    const run = invokeTerminalRequestJson(this.#terminalId, {
      ...invocation,
      signal: AbortSignal.any([invocation.signal, this.#closing.signal]),
    }, this.#deps);
    this.#running.add(run);
    try {
      return await run;
    } finally {
      this.#running.delete(run);
    }
  }

  health(): Promise<HealthReport> {
    return Promise.resolve({ state: "online", detail: null });
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await Promise.all([...this.#running, this.#onClose(this)]);
  }
}

/** Runs the command that a payload describes. Always resolves. */
export async function invokeTerminalRequestJson(
  terminal_id: string,
  { payload, timeout_ms, signal }: Pick<Invocation, "payload" | "timeout_ms" | "signal">,
  deps: TerminalDeps,
): Promise<InvokeResult> {
  let request: ExecRequest;
  try {
    request = readExecRequest(payload, shellOf(deps.os));
  } catch (error) {
    if (!(error instanceof InvalidPayload)) throw error;
    return refused(error.message);
  }
  const program = findProgram(request, deps);
  if ("problem" in program) return finished(terminal_id, launchFailed(program.problem), 0);
  const { file, argv, cwd, env } = program;
  const timeoutMs = Math.min(request.timeoutMs, timeout_ms);
  const run = await runProgram({
    file,
    args: argv.slice(1),
    cwd,
    env,
    stdin: new Uint8Array(),
    timeoutMs,
    maxOutputBytes: request.maxOutputBytes,
    overflow: "drop",
    signal,
    clock: deps.clock,
    os: deps.os,
  });
  const { durationMs: duration_ms } = run;
  if (run.end === "launch") return finished(terminal_id, launchFailed(run.detail), duration_ms);
  if (run.end === "exit" || run.end === "signal") return finished(terminal_id, outcomeOf(run), duration_ms);
  const isTimeout = run.end === "timeout";
  return {
    ok: false,
    reason: isTimeout ? "timeout" : "cancelled",
    exit_code: -1,
    stdout: resultJson(terminal_id, outcomeOf(run)),
    stderr: new Uint8Array(),
    duration_ms,
    message: isTimeout
      ? `service invocation terminated after timeout_ms: the command ran longer than ${timeoutMs} ms; ` +
        "what it had written stands in result.json of its call"
      : "the command was ended because the terminal was closed",
  };
}

/** The members of a result that say how the command ended. */
type Outcome = Readonly<Record<string, unknown>> & { readonly ok: boolean };

function outcomeOf(run: RunResult): Outcome {
  const isExit = run.end === "exit";
  const stdout = outputText(run.stdout, run.written.stdout);
  const stderr = outputText(run.stderr, run.written.stderr);
  return {
    ok: isExit && run.exitCode === 0,
    state: isExit ? "exited" : run.end === "timeout" ? "timed_out" : "terminated",
    exit_code: run.exitCode,
    stdout: stdout.text,
    stderr: stderr.text,
    ...marksOf("stdout", stdout),
    ...marksOf("stderr", stderr),
    ...(run.end === "signal" ? { signal: run.detail } : {}),
    duration_ms: run.durationMs,
  };
}

/** What the reference's members cannot say of an output. */
function marksOf(name: string, { b64, total_bytes }: OutputText): Record<string, unknown> {
  return {
    ...(total_bytes === undefined ? {} : { [`${name}_truncated`]: true, [`${name}_bytes`]: total_bytes }),
    ...(b64 === undefined ? {} : { [`${name}_b64`]: b64 }),
  };
}

function launchFailed(reason: string): Outcome {
  return { ok: false, state: "launch_failed", exit_code: -1, stdout: "", stderr: reason };
}

function resultJson(terminal_id: string, outcome: Outcome): Uint8Array {
  const { ok, ...rest } = outcome;
  const result = { service: "terminal", terminal_id, operation: "exec", ok, ...rest };
  return new TextEncoder().encode(JSON.stringify(result));
}

function finished(terminal_id: string, outcome: Outcome, duration_ms: number): InvokeResult {
  return { ok: true, exit_code: 0, stdout: resultJson(terminal_id, outcome), stderr: new Uint8Array(), duration_ms };
}

function refused(reason: string): InvokeResult {
  const message = `InvalidPayload: ${reason}`;
  return {
    ok: false,
    reason: "exit",
    exit_code: INVALID_PAYLOAD,
    stdout: new Uint8Array(),
    stderr: new TextEncoder().encode(message),
    duration_ms: 0,
    message,
  };
}
