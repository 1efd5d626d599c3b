/**
 * The terminal services of a node: `--terminal-id`.
 *
 * A terminal runs what it is told to, with the rights of the node: whoever may
 * invoke it has a shell there. A node has none unless it is started with one.
 *
 * @module
 */

import type { ServiceDescriptor } from "../../control/catalog/mod.ts";
import { Errno, FsError, TERMINAL_TREE } from "../../control/protocol/mod.ts";
import type { Driver } from "../../drivers/driver.ts";
import { ptySupport } from "../../drivers/process/mod.ts";
import type { CreateServiceFiles, ServiceControl, TreeIdentity } from "../namespace/service_port.ts";
import { createExecDriver } from "./exec_driver.ts";
import { MAX_TIMEOUT_MS } from "./request.ts";
import { Sessions, type SessionsDeps } from "./sessions.ts";
import { TerminalTree } from "./terminal_tree.ts";

/** A terminal as the host wants a service. */
export interface TerminalDefinition {
  readonly descriptor: ServiceDescriptor;
  readonly origin: string;
  readonly timeout_ms: number;
  readonly endsWhenDisabled: true;
  readonly invoke_template: Readonly<Record<string, unknown>>;
  readonly tree: TreeIdentity;
  readonly createDriver: () => Driver;
}

/** What terminals take from outside; whether there are sessions is found out. */
export type TerminalsDeps = Omit<SessionsDeps, "support"> & Partial<Pick<SessionsDeps, "support">> & {
  /** Roles that may see and use them besides admins. @default {[]} */
  readonly roles?: readonly string[] | undefined;
};

/** Makes the terminals of a node. Without ids nothing is tried out. */
export async function createTerminals(ids: readonly string[], deps: TerminalsDeps): Promise<Terminals> {
  const support = deps.support ?? (ids.length === 0 ? { available: false, reason: "not tried" } : await ptySupport());
  return new Terminals(ids, { ...deps, support }, deps.roles);
}

/** The terminals of a node. */
export class Terminals {
  readonly #deps: SessionsDeps;
  readonly #roles: readonly string[];
  readonly #terminals: ReadonlyMap<string, Terminal>;

  /**
   * @param ids Names of the terminals, each once.
   * @param roles Who may use them besides admins.
   */
  constructor(ids: readonly string[], deps: SessionsDeps, roles: readonly string[] = []) {
    this.#deps = deps;
    this.#roles = ["admin", ...roles.filter((role) => role !== "admin")];
    this.#terminals = new Map(ids.map((id) => [`${TERMINAL_TREE}${id}`, new Terminal(id, deps)]));
  }

  /** What to register, under the identity that the node has at the moment. */
  definitions(nodeId: string): TerminalDefinition[] {
    return [...this.#terminals.values()].map((terminal) => terminal.definition(nodeId, this.#deps, this.#roles));
  }

  /** Makes files as `create` does, and adds sessions to those of a terminal. */
  filesOf(create: CreateServiceFiles): CreateServiceFiles {
    return (identity, first, control) => {
      const terminal = this.#terminals.get(identity.name);
      if (terminal === undefined) return create(identity, first, control);
      const files = create(identity, first, terminal.watched(control));
      const requireEnabled = () => {
        if (files.text("health.json").includes('"enabled":false')) {
          throw new FsError(Errno.EPERM, "service invoke denied: the terminal is disabled");
        }
      };
      return {
        tree: new TerminalTree(files.tree, terminal.sessions, requireEnabled),
        update: (updates) => files.update(updates),
        openCall: (call_id, contents) => files.openCall(call_id, contents),
        closeCall: (call_id) => files.closeCall(call_id),
        text: (file) => files.text(file),
      };
    };
  }
}

/** One terminal: its driver and its sessions, which outlive a driver that is replaced. */
class Terminal {
  readonly sessions: Sessions;
  readonly #id: string;
  readonly #deps: SessionsDeps;
  #driver: Driver | undefined;

  constructor(id: string, deps: SessionsDeps) {
    this.#id = id;
    this.#deps = deps;
    this.sessions = new Sessions(deps);
  }

  definition(nodeId: string, { support }: SessionsDeps, roles: readonly string[]): TerminalDefinition {
    const id = this.#id;
    const service_id = `${TERMINAL_TREE}${id}`;
    return {
      descriptor: terminalDescriptor(nodeId, id, support, roles),
      origin: `--terminal-id ${id}`,
      timeout_ms: MAX_TIMEOUT_MS,
      // Nobody could end the command otherwise before its time is over.
      endsWhenDisabled: true,
      invoke_template: { tool_name: "terminal_exec", arguments: { command: "echo hello" } },
      tree: {
        name: service_id,
        description: `Terminal namespace service (${id})`,
        source_id: `service:${service_id}`,
      },
      createDriver: () => {
        this.#driver = createExecDriver(
          id,
          this.#deps,
          (closed) => closed === this.#driver ? this.sessions.dispose() : Promise.resolve(),
        );
        return this.#driver;
      },
    };
  }

  /** Ends the sessions when the service is switched off or begun anew. */
  watched(control: ServiceControl): ServiceControl {
    return {
      refusalFor: (asker) => control.refusalFor(asker),
      invoke: (document) => control.invoke(document),
      configure: (document) => control.configure(document),
      abandon: (file, length) => control.abandon(file, length),
      operate: (op) => {
        // The files of its sessions outlive the driver that goes.
        if (op === "disable") this.#driver = undefined;
        control.operate(op);
        if (op === "disable" || op === "restart") void this.sessions.closeAll("service");
      },
    };
  }
}

function terminalDescriptor(
  nodeId: string,
  id: string,
  support: SessionsDeps["support"],
  roles: readonly string[],
): ServiceDescriptor {
  const service_id = `${TERMINAL_TREE}${id}`;
  const path = `/nodes/${nodeId}/terminal/${id}`;
  return {
    service_id,
    kind: "terminal",
    version: "1",
    state: "online",
    endpoints: [path],
    capabilities: {
      pty: support.available,
      terminal_id: id,
      invoke: true,
      ...(support.available ? {} : { pty_unavailable: support.reason }),
    },
    mounts: [{ mount_id: service_id, mount_path: path, state: "online" }],
    ops: {
      model: "namespace",
      style: "plan9",
      interactive: support.available,
      invoke: "control/invoke.json",
      paths: { exec: "control/invoke.json", ...(support.available ? { pty: "pty/open.json" } : {}) },
    },
    runtime: { type: "native_proc", abi: "namespace-driver-v1", entry: "internal-terminal-invoke" },
    permissions: { default: "deny-by-default", allow_roles: roles, device: "terminal" },
    schema: {
      model: "terminal-driver-v1",
      arguments: {
        command: "string (optional)",
        argv: "string[] (optional)",
        cwd: "string (optional)",
        max_output_bytes: "number (optional)",
        timeout_ms: "number (optional)",
        env: "object of strings (optional)",
      },
    },
    help_md: readme(support.available),
  };
}

function readme(hasSessions: boolean): string {
  return [
    "# Terminal",
    "Write a JSON object with `command` (a line for the shell) or `argv` to control/invoke.json",
    "to run a command; its output and exit code stand in result.json.",
    ...(hasSessions
      ? ["", 'For a session write {"cols":80,"rows":24} to pty/open.json; the answer names its folder in pty/.']
      : []),
    "",
  ].join("\n");
}
