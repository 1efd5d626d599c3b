/**
 * What the reference's own tests ask of a control plane, under their own names.
 *
 * Left out are cases that need an agent runtime, chat, jobs or debug frames.
 * These differ, by a decision in docs/architecture.md:
 *
 * - auth_status shows no tokens in clear, they are masked (18)
 * - an unlocked project takes not any token, it is private until it is opened
 * - a node whose lease ran out is offline first, it is not reaped at once (16)
 * - a refused upgrade is an HTTP status, not a frame after the 101 (4); tests/e2e/wire_test.ts
 * - the node's secret is shown to nobody; fs_auth_token is a short-lived one (18)
 *
 * @module
 */

import assert from "node:assert/strict";
import type { PushedFrame } from "../control/client/mod.ts";
import { hashSecret } from "../control/pairing/tokens.ts";
import { ZssError } from "../control/protocol/mod.ts";
import { memoryStore } from "../control/store/memory.ts";
import type { Store } from "../control/store/store.ts";
import { RawClient } from "./e2e/raw_client.ts";
import { ADMIN, type Answer, attach, inWorld, joined, World } from "./world.ts";

const conformance: typeof inWorld = (name, body) => inWorld(`conformance: ${name}`, body);

Deno.test("conformance: agent_list/agent_get return registry metadata and capability arrays", async () => {
  const file = JSON.stringify({ agents: [{ id: "bob", description: "looks after cameras", capabilities: ["plan"] }] });
  await using world = await World.open({}, memoryStore({ epoch: "e" }), file);
  const admin = await world.connect();
  const agents = Object((await admin.call("agent_list", {}))["agents"]) as Answer[];
  assert.deepEqual(agents.map(({ id, is_default, capabilities }) => [id, is_default, capabilities]), [
    ["mother", true, []],
    ["bob", false, ["plan"]],
  ]);
  assert.equal(
    Object((await admin.call("agent_get", { agent_id: "bob" }))["agent"]).description,
    "looks after cameras",
  );
  await assert.rejects(admin.call("agent_get", { agent_id: "nobody" }), { code: "agent_not_found" });
});

Deno.test("conformance: operator token gate: missing, wrong, right", async () => {
  const scopeTokens = { operator: hashSecret("op-token") };
  await using world = await World.open({ scopeTokens }, memoryStore({ epoch: "e" }));
  const admin = await world.connect();
  await assert.rejects(admin.call("node_invite_create", {}), { code: "missing_field" });
  await assert.rejects(admin.call("node_invite_create", { operator_token: "x" }), { code: "operator_auth_failed" });
  assert.match(
    String((await admin.call("node_invite_create", { operator_token: "op-token" }))["invite_id"]),
    /^invite-1$/,
  );
});

conformance("auth matrix: admin rotates and reads the audit, user is refused", async (world, admin) => {
  assert.equal((await admin.call("connect", {}))["role"], "admin");
  const { token } = await admin.call("auth_rotate", { role: "user" });
  const status = await admin.call("auth_status", {});
  assert.equal(status["user_token"], "sw-user_****");
  assert.ok(!JSON.stringify(status).includes(String(token)));
  const audit = Object((await admin.call("audit_tail", {}))["audit"]) as Answer[];
  assert.ok(audit.some(({ control_type }) => control_type === "control.auth_rotate"));
  const user = await world.connect(String(token));
  for (const name of ["metrics", "auth_status"]) await assert.rejects(user.call(name, {}), { code: "forbidden" });
  await assert.rejects(user.call("auth_rotate", { role: "admin" }), { code: "forbidden" });
  await assert.rejects(user.call("session_attach", { session_key: "main", agent_id: "default" }), {
    code: "provisioning_required",
  });
  await assert.rejects(world.connect("sw-user_wrong"), { code: "provider_auth_failed" });
});

Deno.test("conformance: auth_rotate with unwritable path: storage_error, old token valid, connection alive", async () => {
  const memory = memoryStore({ epoch: "e" });
  let isFull = false;
  const store: Store = new Proxy(memory, {
    get(target, name) {
      if (name === "transact" && isFull) return () => Promise.reject(new ZssError("storage_error", "Disk is full"));
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  await using world = await World.open({}, store);
  const admin = await world.connect();
  const { token } = await admin.call("auth_rotate", { role: "user" });
  isFull = true;
  await assert.rejects(admin.call("auth_rotate", { role: "user" }), { code: "storage_error" });
  isFull = false;
  await world.connect(String(token));
  assert.deepEqual(await admin.call("ping", {}), {});
});

conformance("upsert pushed to watcher: type, node_id, service_delta.changed, added", async (_world, admin) => {
  const { node_id, node_secret } = await joined(admin);
  const pushed = new Promise<PushedFrame>((resolve) => admin.onPush(resolve));
  await admin.call("node_service_watch", { replay_limit: 0 });
  const services = [{ service_id: "camera", kind: "camera", state: "online", endpoints: ["/nodes/node-1/camera"] }];
  await admin.call("node_service_upsert", { node_id, node_secret, services });
  const { type, payload } = await pushed;
  const { service_delta } = Object(payload);
  assert.deepEqual([type, Object(payload).node_id, service_delta.changed, service_delta.added.length], [
    "control.node_service_event",
    "node-1",
    true,
    1,
  ]);
});

conformance("watch request: node_id and limit parsed, default 25, bad/node and -1 rejected", async (_world, admin) => {
  assert.equal((await admin.call("node_service_watch", {}))["replay_limit"], 25);
  assert.deepEqual((await admin.call("node_service_watch", { node_id: "n", replay_limit: 3 }))["node_id"], "n");
  for (const wrong of [{ node_id: "bad/node" }, { replay_limit: -1 }]) {
    await assert.rejects(admin.call("node_service_watch", wrong), { code: "invalid_payload" });
  }
});

conformance("user visibility: mounted node visible, unmounted not, filter mismatch not", async (world, admin) => {
  const [first, second] = [await joined(admin), await joined(admin)];
  const user = await world.user(admin, "bob");
  const { project_id } = await user.call("project_create", { name: "Demo" });
  await admin.call("project_mount_set", {
    project_id,
    node_id: first["node_id"],
    export_name: "work",
    mount_path: "/src",
  });
  await attach(user, "bob", project_id);
  const snapshot = async (node_id?: unknown) => {
    const nodes: unknown[] = [];
    const stop = user.onPush(({ type, payload }) => {
      if (type === "control.node_service_snapshot") nodes.push(Object(payload).node_id);
    });
    await user.call("node_service_watch", { snapshot: true, node_id });
    await user.call("ping", {});
    stop();
    return nodes;
  };
  assert.deepEqual(await snapshot(), ["node-1"]);
  assert.deepEqual(await snapshot(second["node_id"]), []);
  assert.deepEqual(await snapshot(first["node_id"]), ["node-1"]);
});

conformance(
  "builtin project: delete is project_protected, activate and status by non-primary are forbidden",
  async (world, admin) => {
    await assert.rejects(admin.call("project_delete", { project_id: "system" }), { code: "project_protected" });
    assert.equal((await admin.call("project_activate", { project_id: "system" }))["agent_id"], "mother");
    assert.equal((await admin.call("workspace_status", { project_id: "system" }))["project_id"], "system");
    const user = await world.user(admin, "bob");
    for (const name of ["project_activate", "workspace_status", "project_get", "project_delete"]) {
      await assert.rejects(user.call(name, { project_id: "system" }), { code: "project_assignment_forbidden" });
    }
  },
);

conformance("invite, join, refresh keeps id, updates fs_url, returns lease_token", async (_world, admin) => {
  const { node_id, node_secret, lease_token } = await joined(admin, "alpha");
  const fs_url = "ws://127.0.0.1:18892/v2/fs";
  const refreshed = await admin.call("node_lease_refresh", { node_id, node_secret, fs_url });
  assert.deepEqual([refreshed["node_id"], refreshed["fs_url"]], [node_id, fs_url]);
  assert.notEqual(refreshed["lease_token"], lease_token);
});

conformance("/src then /src/lib is mount_conflict", async (_world, admin) => {
  const { node_id } = await joined(admin);
  const { project_id } = await admin.call("project_create", { name: "Demo" });
  const mount = { project_id, node_id, export_name: "work" };
  await admin.call("project_mount_set", { ...mount, mount_path: "/src" });
  await assert.rejects(admin.call("project_mount_set", { ...mount, mount_path: "/src/lib" }), {
    code: "mount_conflict",
  });
});

conformance(
  "policy deny mount; open with alice denied: bob allowed, alice not, for mount and observe",
  async (world, admin) => {
    const { node_id } = await joined(admin);
    const { project_id } = await admin.call("project_create", { name: "Demo" });
    const set = (access_policy: unknown) => admin.call("project_update", { project_id, access_policy });
    const mount = { project_id, node_id, export_name: "work", mount_path: "/src" };
    await set({ actions: { read: "open", mount: "deny" } });
    const user = await world.user(admin, "u");
    await attach(user, "bob", project_id);
    await assert.rejects(user.call("project_mount_set", mount), { code: "project_policy_forbidden" });
    await assert.rejects(user.call("project_mount_set", { ...mount, project_id }), {
      code: "project_policy_forbidden",
    });
    await admin.call("project_mount_set", { ...mount, mount_path: "/seen" });
    const open = { read: "open", mount: "open", observe: "open" };
    await set({ actions: open, agents: { alice: { mount: "deny", observe: "deny" } } });
    await user.call("project_mount_set", mount);
    await attach(user, "alice", project_id);
    await assert.rejects(user.call("project_mount_set", mount), { code: "project_policy_forbidden" });
    const nodes: unknown[] = [];
    user.onPush(({ payload }) => nodes.push(Object(payload).node_id));
    for (const agent of ["alice", "bob"]) {
      await attach(user, agent, project_id);
      await user.call("node_service_watch", { snapshot: true });
      await user.call("ping", {});
      assert.equal(nodes.filter((id) => id === node_id).length, agent === "bob" ? 1 : 0, agent);
    }
  },
);

conformance("non-string mode is invalid_payload", async (_world, admin) => {
  await assert.rejects(admin.call("project_create", { name: "Demo", access_policy: { actions: { read: 1 } } }), {
    code: "invalid_payload",
    path: "/access_policy/actions/read",
  });
});

conformance("failover: same path two nodes allowed; remove targeted, then path-wide", async (_world, admin) => {
  const nodes = [await joined(admin), await joined(admin)];
  const { project_id } = await admin.call("project_create", { name: "Demo" });
  const mount = (at: number) => ({
    project_id,
    mount_path: "/src",
    node_id: nodes[at]?.["node_id"],
    export_name: "work",
  });
  for (const at of [0, 1]) await admin.call("project_mount_set", mount(at));
  assert.equal(Object((await admin.call("project_mount_remove", mount(0)))["mounts"]).length, 1);
  await assert.rejects(admin.call("project_mount_remove", { project_id, mount_path: "/src", node_id: "node-2" }), {
    code: "missing_field",
  });
  assert.deepEqual((await admin.call("project_mount_remove", { project_id, mount_path: "/src" }))["mounts"], []);
  await assert.rejects(admin.call("project_mount_remove", { project_id, mount_path: "/src" }), {
    code: "mount_not_found",
  });
});

conformance("metrics counters created/joins/mount_sets/activations = 1", async (_world, admin) => {
  const { node_id } = await joined(admin);
  const { project_id } = await admin.call("project_create", { name: "Demo" });
  await admin.call("project_mount_set", { project_id, node_id, export_name: "work", mount_path: "/src" });
  await admin.call("project_activate", { project_id });
  const { invites, nodes, projects } = await admin.call("metrics", {}) as Record<string, Record<string, number>>;
  assert.deepEqual(
    [invites?.["created_total"], invites?.["redeemed_total"], nodes?.["joins_total"], projects?.["creates_total"]],
    [1, 1, 1, 1],
  );
  assert.deepEqual([projects?.["mount_sets_total"], projects?.["activations_total"], projects?.["total"]], [1, 1, 2]);
});

conformance("rotate invalidates old token; revoke ends it", async (world, admin) => {
  const { project_id } = await admin.call("project_create", { name: "Demo" });
  const rotate = async () => (await admin.call("project_token_rotate", { project_id }))["project_token"];
  const [old, fresh] = [await rotate(), await rotate()];
  const user = await world.user(admin, "u");
  await assert.rejects(user.call("project_get", { project_id, project_token: old }), { code: "project_auth_failed" });
  assert.equal((await user.call("project_get", { project_id, project_token: fresh }))["token_locked"], true);
  assert.equal((await admin.call("project_token_revoke", { project_id }))["project_token"], null);
  await assert.rejects(user.call("project_get", { project_id, project_token: fresh }), {
    code: "project_policy_forbidden",
  });
});

conformance("workspace_status: none selected, with token, no token, unknown", async (world, admin) => {
  const { node_id } = await joined(admin);
  const user = await world.user(admin, "u");
  const { project_id } = await user.call("project_create", { name: "Demo" });
  await admin.call("project_mount_set", { project_id, node_id, export_name: "work", mount_path: "/src" });
  const { project_token } = await user.call("project_token_rotate", { project_id });
  const other = await world.user(admin, "other");
  await assert.rejects(other.call("workspace_status", {}), { code: "provisioning_required" });
  const [mount] = Object((await other.call("workspace_status", { project_id, project_token }))["mounts"]) as Answer[];
  assert.equal(mount?.["state"], "online");
  assert.match(String(mount?.["fs_auth_token"]), /^fs-/);
  const [seen] = Object((await admin.call("workspace_status", { project_id }))["mounts"]) as Answer[];
  assert.match(String(seen?.["fs_auth_token"]), /^fs-/);
  await assert.rejects(other.call("workspace_status", { project_id }), { code: "missing_field" });
  await assert.rejects(other.call("workspace_status", { project_id: "proj-9" }), { code: "project_not_found" });
});

conformance(
  "pending join: request, list, approve carries name and platform, empty; deny; repeat deny",
  async (_world, admin) => {
    const platform = { os: "linux", arch: "amd64", runtime_kind: "native" };
    const { request_id } = await admin.call("node_join_request", { node_name: "delta", platform });
    const pending = async () => Object((await admin.call("node_join_pending_list", {}))["pending"]) as Answer[];
    assert.deepEqual((await pending()).map((one) => [one["node_name"], one["platform"]]), [["delta", platform]]);
    const approved = await admin.call("node_join_approve", { request_id });
    assert.deepEqual([approved["node_name"], approved["platform"], await pending()], ["delta", platform, []]);
    const second = await admin.call("node_join_request", {});
    const deny = () => admin.call("node_join_deny", { request_id: second["request_id"] });
    assert.deepEqual(await deny(), { denied: true, request_id: "pending-join-2" });
    await assert.rejects(deny(), { code: "pending_join_not_found" });
  },
);

conformance(
  "project_up: existing needs its token, wrong token fails, new name creates, vision may be cleared",
  async (world, admin) => {
    const made = await admin.call("project_up", { name: "Demo", vision: "see", activate: false });
    assert.deepEqual([made["created"], made["activated"]], [true, false]);
    const { project_id } = made;
    const { project_token } = await admin.call("project_token_rotate", { project_id });
    const user = await world.user(admin, "u");
    const up = (more: Answer) => user.call("project_up", { name: "Demo", activate: false, ...more });
    await assert.rejects(up({}), { code: "missing_field" });
    await assert.rejects(up({ project_token: "proj-wrong" }), { code: "project_auth_failed" });
    assert.equal((await up({ project_token, vision: "" }))["created"], false);
    assert.equal((await user.call("project_get", { project_id, project_token }))["vision"], "");
  },
);

Deno.test("conformance: restart restores nodes, projects, mounts, active binding, counters", async () => {
  await using world = await World.open();
  const admin = await world.connect();
  const { node_id } = await joined(admin);
  const { project_id } = await admin.call("project_create", { name: "Demo" });
  await admin.call("project_mount_set", { project_id, node_id, export_name: "work", mount_path: "/src" });
  await admin.call("project_activate", { project_id });
  await world.restart();
  const again = await world.connect();
  const status = await again.call("workspace_status", {});
  assert.deepEqual([status["project_id"], Object(status["mounts"])[0].node_id], [project_id, node_id]);
  assert.equal((await again.call("node_invite_create", {}))["invite_id"], "invite-2");
});

conformance("a scoped mutation without id and correlation_id is correlation_required", async (world) => {
  const raw = await RawClient.open(world.url, ADMIN);
  await raw.ask('{"channel":"control","type":"control.version","id":"v","payload":{"protocol":"unified-v2"}}');
  const create = (more: string) =>
    raw.ask(`{"channel":"control","type":"control.node_invite_create"${more},"payload":{}}`);
  assert.equal(Object((await create(""))["error"]).code, "correlation_required");
  assert.equal((await create(',"correlation_id":"c"'))["ok"], true);
  raw.close();
});
