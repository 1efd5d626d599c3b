import assert from "node:assert/strict";
import type { ServiceDescriptor } from "../catalog/descriptor.ts";
import { decideNodePath, invokePathOf, type NodePath, type PathAct } from "./node_path.ts";
import { isInvokable, type ScopedProject, type Viewer } from "./visibility.ts";

const project: ScopedProject = {
  project_id: "proj-1",
  kind: "normal",
  creator_id: "token-owner",
  is_locked: false,
  access_policy: { actions: { read: "open", observe: "open", invoke: "open" }, agents: {} },
  mounts: [{ node_id: "node-1", export_name: "work" }],
};

function viewer(token_id: string, changes: Partial<ScopedProject> = {}): Viewer {
  return {
    actor: { role: "user", name: token_id, token_id, scopes: [], project_id: null, actions: null },
    agent_id: null,
    token: "none",
    project: { ...project, ...changes },
  };
}

function service(service_id: string, permissions: Record<string, unknown> = {}): ServiceDescriptor {
  return {
    service_id,
    kind: "tool",
    version: "1",
    state: "online",
    endpoints: [],
    capabilities: { invoke: true },
    mounts: [],
    ops: {},
    runtime: {},
    permissions,
    schema: {},
  };
}

const services = [service("echo"), service("terminal-1"), service("secret", { default: "deny" })];

/** `yes`, `no` with the code, or `hidden`. */
function answer(who: Viewer, place: Partial<NodePath>, act: PathAct): string {
  const decision = decideNodePath(who, services, { node_id: "node-1", tree: "work", path: "", ...place }, act);
  return decision.allowed ? "yes" : decision.isHidden ? "hidden" : decision.code;
}

const invoke = { tree: "svc-echo", path: "control/invoke.json" };
const disable = { tree: "svc-echo", path: "control/disable" };
const policy = (actions: ScopedProject["access_policy"]["actions"]) => ({ access_policy: { actions, agents: {} } });

const cases: readonly (readonly [string, Viewer, Partial<NodePath>, PathAct, string])[] = [
  ["a mounted folder can be read", viewer("bob"), {}, "read", "yes"],
  ["a mounted folder can be written by who may invoke", viewer("bob"), { path: "a.txt" }, "write", "yes"],
  ["a folder that is not mounted is hidden", viewer("bob"), { tree: "home" }, "read", "hidden"],
  ["a node that is not mounted is hidden", viewer("bob"), { node_id: "node-2" }, "read", "hidden"],
  ["a service can be read", viewer("bob"), { tree: "svc-echo", path: "result.json" }, "read", "yes"],
  ["a service can be invoked", viewer("bob"), invoke, "write", "yes"],
  ["a terminal is a service", viewer("bob"), { tree: "terminal-1", path: "pty/open.json" }, "write", "yes"],
  ["a terminal that is not published is hidden", viewer("bob"), { tree: "terminal-2" }, "read", "hidden"],
  [
    "operating a terminal asks for admin",
    viewer("bob"),
    { tree: "terminal-1", path: "control/disable" },
    "write",
    "project_policy_forbidden",
  ],
  [
    "no invoke hides what is typed and shown in a terminal",
    viewer("bob", policy({ read: "open", observe: "open" })),
    { tree: "terminal-1", path: "pty/s/output" },
    "read",
    "hidden",
  ],
  ["a service that permits nobody is hidden", viewer("bob"), { tree: "svc-secret" }, "read", "hidden"],
  ["a service that is not published is hidden", viewer("bob"), { tree: "svc-none" }, "read", "hidden"],
  ["operating a service asks for admin", viewer("bob"), disable, "write", "project_policy_forbidden"],
  ["whoever made the project operates its services", viewer("token-owner"), disable, "write", "yes"],
  [
    "no invoke hides what is invoked",
    viewer("bob", policy({ read: "open", observe: "open" })),
    invoke,
    "read",
    "hidden",
  ],
  [
    "no invoke leaves the folder to read",
    viewer("bob", policy({ read: "open", observe: "open" })),
    {},
    "read",
    "yes",
  ],
  [
    "no invoke leaves nothing to write",
    viewer("bob", policy({ read: "open", observe: "open" })),
    {},
    "write",
    "project_policy_forbidden",
  ],
  ["no observe hides the node", viewer("bob", policy({ read: "open", invoke: "open" })), {}, "read", "hidden"],
  ["no read hides the folder", viewer("bob", policy({ observe: "open", invoke: "open" })), {}, "read", "hidden"],
  ["no project hides everything", { ...viewer("bob"), project: null }, {}, "read", "hidden"],
  ["an admin needs none of it", { ...viewer("bob"), actor: { ...admin() }, project: null }, disable, "write", "yes"],
];

function admin() {
  return { role: "admin" as const, name: "a", token_id: "t", scopes: [], project_id: null, actions: null };
}

for (const [name, who, place, act, wanted] of cases) {
  Deno.test(`decideNodePath(): ${name}`, () => assert.equal(answer(who, place, act), wanted));
}

Deno.test("invokePathOf() takes ops.invoke, then ops.paths.invoke, then the usual place", () => {
  const of = (ops: Record<string, unknown>) => invokePathOf({ ops });
  assert.equal(of({}), "control/invoke.json");
  assert.equal(of({ invoke: " run.json ", paths: { invoke: "other" } }), "run.json");
  assert.equal(of({ invoke: 3, paths: { invoke: "/nodes/n/x" } }), "/nodes/n/x");
  assert.equal(of({ invoke: " ", paths: [] }), "control/invoke.json");
});

Deno.test("isInvokable() goes by what a service says, and by the program that its runtime names", () => {
  const is = (part: Partial<ServiceDescriptor>) => isInvokable({ capabilities: {}, ops: {}, runtime: {}, ...part });
  assert.equal(is({}), false);
  assert.equal(is({ capabilities: { invoke: true } }), true);
  assert.equal(is({ ops: { paths: { invoke: "run" } } }), true);
  assert.equal(is({ runtime: { type: "native_proc", executable_path: "cat" } }), true);
  assert.equal(is({ runtime: { type: "builtin", executable_path: " " } }), false);
});
