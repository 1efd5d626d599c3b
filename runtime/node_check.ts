/**
 * Finds out whether a node could run here, without running it.
 *
 * Reads what the node would read and asks the machine what the node would ask;
 * writes nothing, takes a port only to give it back, starts no program, and
 * talks to the server only when told to.
 *
 * @module
 */

import { access, constants } from "node:fs/promises";
import { dirname } from "node:path";
import { readCertificate } from "../control/listen/certificate.ts";
import { checkPort } from "../control/listen/check_port.ts";
import { ControlConnection } from "../control/client/mod.ts";
import { type Diagnostic, errorText, ZssError } from "../control/protocol/mod.ts";
import { createMachineProbe, DEFAULT_NODE_ID, lintFiles } from "./manifest/mod.ts";
import { type NodeOptions, type NodeParts, openServing, type ServingOptions } from "./node.ts";
import { checkStandalone, type StandaloneOptions } from "./standalone_node.ts";
import { readNodeState } from "./state/node_state.ts";
import { checkStateLock } from "./state/state_lock.ts";

/** One thing that was looked at. */
export interface CheckedThing {
  readonly check: "exports" | "state_file" | "manifests" | "libraries" | "endpoint" | "metrics" | "pairing" | "server";
  readonly ok: boolean;
  /** One sentence for a person: what was found. */
  readonly message: string;
  readonly hint?: string | undefined;
}

/** What came of it. */
export interface NodeCheck {
  readonly ok: boolean;
  readonly checks: readonly CheckedThing[];
  readonly findings: readonly Diagnostic[];
}

/** What a node is checked as; `metrics` is where it would show its numbers. */
export type CheckedNode =
  & { readonly metrics?: { readonly bind: string; readonly port: number } | undefined }
  & CheckedMode;

type CheckedMode =
  | { readonly mode: "paired"; readonly options: NodeOptions; readonly askServer: boolean }
  | { readonly mode: "standalone"; readonly options: StandaloneOptions };

/** Looks at everything that a node of these settings needs. */
export async function checkNode(
  node: CheckedNode,
  parts: Omit<NodeParts, "report" | "meters" | "onReloadAsked">,
): Promise<NodeCheck> {
  const findings: Diagnostic[] = [];
  const inLibraries: string[] = [];
  const { options } = node;
  let nodeId = options.nodeName;
  const checks = [
    await looked("state_file", async () => {
      const state = await readNodeState(options.stateFile);
      await requireWritable(options.stateFile);
      await checkStateLock(options.stateFile);
      if (node.mode === "standalone") return `"${options.stateFile}" can be written`;
      nodeId = state.node_id ?? DEFAULT_NODE_ID;
      return state.node_id === null ? `"${options.stateFile}" holds no identity yet` : `holds ${state.node_id}`;
    }),
    await looked("exports", async () => {
      const { folders: { length: count } } = await openServing(options, { ...parts, report: () => {} });
      return `${count} folder${count === 1 ? "" : "s"} can be served`;
    }),
  ];
  checks.push(await looked("manifests", () => checkManifests(options, parts, nodeId, findings, inLibraries)));
  if (inLibraries.length > 0) checks.push(await looked("libraries", () => checkLibraries(inLibraries, parts)));
  if (node.mode === "standalone") {
    const { endpoint, terminalIds = [] } = node.options;
    checks.push(
      await looked("endpoint", async () => {
        checkStandalone(node.options);
        if (endpoint.tls !== undefined) await readCertificate(endpoint.tls);
        await checkPort({ ...endpoint, flag: "--port" });
        const isOpen = endpoint.authToken === undefined;
        const token = isOpen ? "without a token" : "with a token";
        const shell = isOpen && terminalIds.length > 0 ? ", a shell for whoever connects" : "";
        return `${endpoint.bind}:${endpoint.port}, ${
          endpoint.tls === undefined ? "plain text" : "TLS"
        }, ${token}${shell}`;
      }),
    );
  } else {
    checks.push(await looked("pairing", () => checkPairing(node.options)));
    if (node.askServer) checks.push(await looked("server", () => reach(node.options, parts)));
  }
  const { metrics } = node;
  if (metrics !== undefined) {
    checks.push(
      await looked("metrics", async () => {
        await checkPort({ ...metrics, flag: "--metrics-port" });
        return `${metrics.bind}:${metrics.port}`;
      }),
    );
  }
  return { ok: checks.every(({ ok }) => ok), checks, findings };
}

async function looked(check: CheckedThing["check"], look: () => Promise<string>): Promise<CheckedThing> {
  try {
    return { check, ok: true, message: await look() };
  } catch (error) {
    return {
      check,
      ok: false,
      message: errorText(error),
      ...(error instanceof ZssError && error.hint !== undefined ? { hint: error.hint } : {}),
    };
  }
}

async function checkManifests(
  options: ServingOptions,
  parts: Pick<NodeParts, "cwd" | "env"> & Omit<NodeParts, "report">,
  nodeId: string,
  findings: Diagnostic[],
  inLibraries: string[],
): Promise<string> {
  const { files, findings: linted } = await lintFiles({
    paths: [...options.manifestFiles, ...options.manifestDirs],
    nodeId,
    isOn: () => true,
    probe: () => Promise.resolve(createMachineProbe({ cwd: parts.cwd, env: parts.env })),
  });
  findings.push(...linted);
  // What only this node knows: its own entries, and its exports.
  const report: NodeParts["report"] = (event) => {
    if (event.type !== "findings") return;
    const known = new Set(findings.map(keyOf));
    findings.push(...event.findings.filter((finding) => !known.has(keyOf(finding))));
  };
  const { manifests } = await openServing({ ...options, exports: [] }, { ...parts, report });
  manifests.nodeId = nodeId;
  manifests.exports = options.exports;
  const { services } = await manifests.load();
  const needing = services.filter(({ definition }) => definition.descriptor.runtime["type"] === "native_inproc");
  inLibraries.push(...needing.map(({ service_id }) => service_id));
  const errors = findings.filter(({ severity }) => severity === "error").length;
  const text = `${files.length} manifest${files.length === 1 ? "" : "s"}`;
  if (errors === 0) return `${text} can be loaded`;
  throw new ZssError("manifest_invalid", `Cannot load all of ${text}: ${errors} error${errors === 1 ? "" : "s"}`);
}

/** A node that was not told to load libraries serves them, and answers every call with that. */
function checkLibraries(ids: readonly string[], { allowInproc }: Pick<NodeParts, "allowInproc">): Promise<string> {
  const names = ids.map((id) => `"${id}"`).join(", ");
  const [services, they] = ids.length === 1 ? ["service", "it is in a library"] : ["services", "they are in libraries"];
  if (allowInproc === true) return Promise.resolve(`${names}: may be loaded, in helpers`);
  throw new ZssError("inproc_not_allowed", `Cannot run ${services} ${names}: ${they}, and this node loads none`, {
    hint: 'start the node with --allow-inproc, or switch them off with "enabled": false',
  });
}

/** What two looks at one fault have in common; their words may differ. */
function keyOf({ file, rule, start, path }: Diagnostic): string {
  return JSON.stringify([file, rule, start, path]);
}

/** The file is replaced by a rename, so it is its folder that has to take it. */
async function requireWritable(stateFile: string): Promise<void> {
  try {
    await access(dirname(stateFile), constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new ZssError("io", `Cannot write the state file "${stateFile}": ${errorText(cause)}`, {
      hint: "make its folder, let the user of the node write to it, or name another with --state-file",
      cause,
    });
  }
}

async function checkPairing({ pairMode, inviteToken, stateFile }: NodeOptions): Promise<string> {
  const { node_id } = await readNodeState(stateFile);
  if (node_id !== null) return "paired";
  if (pairMode === "request") return "it will ask to join, and an admin has to approve it";
  if (inviteToken === undefined) {
    throw new ZssError("usage", "Cannot pair: there is neither an identity nor an invite", {
      hint: "make one with zss node invite and pass it with --invite-token, or ask to join with --pair-mode request",
    });
  }
  if (typeof inviteToken === "function") await inviteToken();
  // There is no way to ask that would not use it up.
  return "it will use its invite, which was not checked: only joining shows whether it is good";
}

async function reach({ controlUrl, ca, token }: NodeOptions, { clock }: Pick<NodeParts, "clock">): Promise<string> {
  const connection = await ControlConnection.open({ url: controlUrl, token, ca, clock });
  connection.close();
  return `${controlUrl} answers`;
}
