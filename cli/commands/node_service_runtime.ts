import { nodeArgument, serviceArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import type { FsClient } from "../../control/client/mod.ts";
import { isObject } from "../../control/protocol/envelope.ts";
import { ZssError } from "../../control/protocol/errors.ts";
import { Errno, FsError, treeOfService } from "../../control/protocol/mod.ts";
import { sleep } from "../../drivers/process/clock.ts";
import { usageError } from "../errors.ts";
import { nonEmpty, wholeNumber } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { openNode } from "../node_names.ts";
import { nodeRefusal } from "../node_refusal.ts";
import { readPayload } from "../payload.ts";
import { outputForm } from "../render/mod.ts";

/** Actions that read one file. */
const readActions: Readonly<Record<string, string>> = {
  "status": "status.json",
  "metrics": "metrics.json",
  "health": "health.json",
  "config-get": "config.json",
  "result": "result.json",
  "last-error": "last_error.txt",
  "help": "README.md",
  "schema": "SCHEMA.json",
  "template": "TEMPLATE.json",
};

/** Actions that write `{}` to one file. */
const controlActions = ["enable", "disable", "restart", "reset"];

const actions = [...Object.keys(readActions), "config-set", "invoke", ...controlActions];

interface Flags {
  readonly wait: boolean;
  readonly timeout?: number | undefined;
}

/** `zss node service-runtime` */
export const command = buildCommand<Flags, [string, string, string, string?], CliContext>({
  docs: helpPage(`Operate a service of a node through its files.

  status metrics health config-get result last-error help schema template
                         print one of the service's files
  invoke [json]          run it; without a payload its template is used
  config-set <json>      replace config.json
  enable disable restart reset

A payload is JSON, @FILE for what stands in a file, or - for standard input. A run
that takes longer than 40 s goes on without us; with --wait it is waited for. When
--timeout has passed since the invoke was sent, the run goes on and we end.

Examples:
  $ zss node service-runtime node-1 echo status
  $ zss node service-runtime node-1 echo invoke '{"text":"hello"}'
  $ zss node service-runtime node-1 train invoke @job.json --wait --timeout 3600000
  $ zss node service-runtime node-1 echo config-set '{"supervision":{"cooldown_ms":5000}}'

Exit status:
  1  refused    3  node not reachable    4  not allowed    6  the driver failed or timed out
  124  --timeout has passed`),
  parameters: {
    flags: {
      wait: { kind: "boolean", brief: "wait for the end of a run that takes long", default: false },
      timeout: {
        kind: "parsed",
        parse: wholeNumber(1, 2_147_483_647),
        brief: "with --wait: how long from the invoke on, in milliseconds",
        placeholder: "ms",
        optional: true,
      },
    },
    positional: {
      kind: "tuple",
      parameters: [
        nodeArgument(),
        serviceArgument,
        { parse: nonEmpty, brief: "what to do, see above", placeholder: "action", proposeCompletions: () => actions },
        {
          parse: nonEmpty,
          brief: "JSON object, @FILE or -, for invoke and config-set",
          placeholder: "json",
          optional: true,
        },
      ],
    },
  },
  async func(flags, node, serviceId, action, given) {
    checkArguments(action, given, flags);
    const payload = given === undefined ? undefined : await readPayload(this, given, `run ${action}`);
    const { client, id } = await openNode(this, node).catch((error) => {
      throw refusal(error, node, serviceId, action);
    });
    try {
      await run(this, new ServiceAccess(client, serviceId), action, payload, flags);
    } catch (error) {
      throw refusal(error, id, serviceId, action);
    } finally {
      client.close();
    }
  },
});

/** The files of one service. */
class ServiceAccess {
  readonly #client: FsClient;
  readonly #name: string;

  constructor(client: FsClient, serviceId: string) {
    this.#client = client;
    this.#name = treeOfService(serviceId);
  }

  async read(path: string): Promise<string> {
    return new TextDecoder().decode(await this.#client.read(await this.#client.walk(this.#name, path.split("/"))));
  }

  async write(path: string, text: string): Promise<Record<string, unknown>> {
    const node = await this.#client.walk(this.#name, path.split("/"));
    return await this.#client.write(node, new TextEncoder().encode(text));
  }
}

async function run(
  context: CliContext,
  service: ServiceAccess,
  action: string,
  payload: string | undefined,
  flags: Flags,
): Promise<void> {
  const { io } = context;
  const file = readActions[action];
  if (file !== undefined) {
    io.stdout.write(withNewline(await service.read(file)));
  } else if (action === "invoke") {
    await invoke(context, service, payload, flags);
  } else if (action === "config-set") {
    await service.write("config.json", payload ?? "{}");
    io.stdout.write(withNewline(await service.read("health.json")));
  } else {
    await service.write(`control/${action}`, "{}");
    io.stdout.write(`health:\n${withNewline(await service.read("health.json"))}`);
    io.stdout.write(`status:\n${withNewline(await service.read("status.json"))}`);
  }
}

async function invoke(
  context: CliContext,
  service: ServiceAccess,
  payload: string | undefined,
  { wait, timeout }: Flags,
): Promise<void> {
  const { io, globals } = context;
  const given = payload ?? await service.read("TEMPLATE.json");
  const run = async (signal: AbortSignal) => {
    const answer = await service.write("control/invoke.json", given);
    const files = await filesOfCall(service, answer["call_id"]);
    if (wait) await untilEnded(context, service, files.status, signal);
    return { answer, files };
  };
  const { answer, files } = await within(io.clock, timeout, run);
  const [status = "", result = ""] = await Promise.all([files.status, files.result].map((file) => service.read(file)));
  const state = stateOf(status);
  // It says what went wrong last, which is this run only when this run went wrong.
  const lastError = state === "ok" || state === "running" ? "" : await service.read("last_error.txt");
  if (outputForm(globals.output) === "json") {
    const parsed = [status, result].map(jsonOrText);
    io.stdout.write(
      JSON.stringify({ call: answer, status: parsed[0], result: parsed[1], last_error: lastError }, null, 2) + "\n",
    );
  } else {
    io.stdout.write(`status:\n${withNewline(status)}`);
    if (lastError.trim()) io.stdout.write(`last_error:\n${withNewline(lastError)}`);
    io.stdout.write(`result:\n${withNewline(result)}`);
  }
  if (state === "running") io.stderr.write(`still running; ${files.status} shows when it has ended (--wait waits)\n`);
  if (state === "ok" || state === "running") return;
  throw new ZssError("driver_failed", `Cannot finish the invoke: the service is in state "${state}"`, {
    hint: "last_error above says why",
  });
}

/** The files of one run, or those of the last where the node keeps none of a single one. */
async function filesOfCall(service: ServiceAccess, callId: unknown): Promise<{ status: string; result: string }> {
  const last = { status: "status.json", result: "result.json" };
  if (typeof callId !== "string") return last;
  const own = { status: `calls/${callId}/status.json`, result: `calls/${callId}/result.json` };
  try {
    await service.read(own.status);
    return own;
  } catch (error) {
    if (error instanceof FsError && error.errno === Errno.ENOENT) return last;
    throw error;
  }
}

/** How often a run that takes long is looked at, in milliseconds. */
const LOOK_MS = 250;

async function untilEnded(
  { io: { clock, interrupted } }: CliContext,
  service: ServiceAccess,
  file: string,
  timedOut: AbortSignal,
): Promise<void> {
  const signal = AbortSignal.any([interrupted, timedOut]);
  while (stateOf(await service.read(file)) === "running") {
    await sleep(clock, LOOK_MS, signal);
    signal.throwIfAborted();
  }
}

/**
 * Waits for `work`, but no longer than this, whatever it is that keeps it: the answer to the invoke alone may take 40 s.
 *
 * @throws {ZssError} `wait_timeout`. What was asked of the node goes on.
 */
async function within<Value>(
  clock: CliContext["io"]["clock"],
  timeoutMs: number | undefined,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const ended = new AbortController();
  if (timeoutMs === undefined) return await work(ended.signal);
  const { promise, reject } = Promise.withResolvers<never>();
  const cancel = clock.after(timeoutMs, () => {
    reject(
      new ZssError("wait_timeout", `Cannot wait for the run any longer: ${timeoutMs} ms have passed`, {
        hint: 'it goes on; the action "status" shows when it has ended',
      }),
    );
  });
  try {
    const working = work(ended.signal);
    // Nobody listens any more when the time is up first.
    working.catch(() => {});
    return await Promise.race([working, promise]);
  } finally {
    cancel();
    ended.abort();
  }
}

function stateOf(status: string): string {
  const value = jsonOrText(status);
  return isObject(value) ? String(value["state"]) : "";
}

function checkArguments(action: string, payload: string | undefined, { wait, timeout }: Flags): void {
  if (!actions.includes(action)) {
    throw usageError(`Cannot run "${action}": no such action`, `the actions are ${actions.join(", ")}`);
  }
  if (action === "config-set" && payload === undefined) {
    throw usageError("Cannot run config-set: a JSON object is wanted");
  }
  if (payload !== undefined && action !== "invoke" && action !== "config-set") {
    throw usageError(`Cannot run ${action}: it takes no payload, ${JSON.stringify(payload)} found`);
  }
  if ((wait || timeout !== undefined) && action !== "invoke") {
    throw usageError(`Cannot run ${action} with --wait: only an invoke is waited for`);
  }
  if (timeout !== undefined && !wait) throw usageError("Cannot use --timeout alone: it says how long --wait waits");
}

function refusal(error: unknown, nodeId: string, serviceId: string, action: string): unknown {
  return nodeRefusal(error, nodeId, `run ${action} on service "${serviceId}" of node "${nodeId}"`, {
    service: serviceId,
    action,
  });
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function withNewline(text: string): string {
  return text.endsWith("\n") || text === "" ? text : `${text}\n`;
}
