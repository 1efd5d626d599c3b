import assert from "node:assert/strict";
import { serviceDescriptor } from "../catalog/descriptor.ts";
import type { Member } from "../protocol/trust.ts";
import type { Viewer } from "../policy/visibility.ts";
import type { NodeRecord, ProjectMount, ProjectRecord } from "../store/records.ts";
import { normalMountPath, overlaps } from "./mount_path.ts";
import { type NodeLookup, workspaceOf } from "./workspace.ts";

const project = (mounts: readonly ProjectMount[], more: Partial<ProjectRecord> = {}): ProjectRecord => ({
  ...{ project_id: "proj-1", name: "site", vision: "", status: "active", kind: "normal", creator_id: "token-1" },
  ...{ token_hash: null, is_locked: false, created_at_ms: 0, updated_at_ms: 0, mounts },
  access_policy: { actions: {}, agents: {} },
  ...more,
});

const node = (node_id: string, online: boolean, lease_expires_at_ms = 0): NodeRecord => ({
  ...{ node_id, node_name: node_id, fs_url: `ws://${node_id}/v2/fs`, secret_hash: "", lease_token_hash: "" },
  ...{ lease_generation: 1, lease_ttl_ms: 1, lease_expires_at_ms, online, offline_since_ms: null },
  ...{ joined_at_ms: 0, last_seen_ms: 0 },
});

const lookup = (nodes: readonly NodeRecord[], services: Record<string, unknown[]> = {}): NodeLookup => ({
  node: (id) => nodes.find(({ node_id }) => node_id === id),
  services: (id) => (services[id] ?? []).map((service) => serviceDescriptor.parse(service)),
});

const at = (mount_path: string, node_id: string): ProjectMount => ({ mount_path, node_id, export_name: "work" });

const cases: readonly (readonly [string, readonly NodeRecord[], string, string | undefined])[] = [
  ["the first when all are online", [node("a", true), node("b", true)], "a online", undefined],
  ["the one that is online", [node("a", false), node("b", true)], "b online", "failover_active"],
  [
    "the one whose lease lasts longer when none is",
    [node("a", false, 1), node("b", false, 2)],
    "b degraded",
    "node_offline",
  ],
  ["one that is known rather than one that is gone", [node("b", false)], "b degraded", "node_offline"],
  ["the first when all are gone", [], "a missing", "missing_node"],
];
for (const [what, nodes, selected, drift] of cases) {
  Deno.test(`workspaceOf() serves a path from ${what}`, () => {
    const { mounts, desired, drift: found, availability } = workspaceOf(
      project([at("/src", "a"), at("/src", "b")]),
      lookup(nodes),
    );
    assert.deepEqual(mounts.map(({ node_id, state }) => `${node_id} ${state}`), [selected]);
    assert.deepEqual([desired.length, availability.mounts_total], [2, 1]);
    assert.deepEqual(found[0]?.kind, drift);
    if (drift !== undefined) assert.equal(found[0]?.desired_node_id, "a");
  });
}

Deno.test("workspaceOf() hides a mount that leads to a service which the viewer may not invoke, and shows plain folders", () => {
  const services = {
    a: [
      { service_id: "fs", kind: "fs", state: "online", endpoints: ["/nodes/a/fs"] },
      {
        service_id: "tool",
        kind: "tool",
        state: "online",
        endpoints: ["/nodes/a/tool"],
        capabilities: { invoke: true },
      },
    ],
  };
  const mounts = [at("/nodes/a/fs", "a"), at("/nodes/a/tool", "a")];
  const policy = { actions: { invoke: "open" as const }, agents: { worker: { invoke: "deny" as const } } };
  const own = project(mounts, { access_policy: policy });
  const user: Member = { role: "user", name: "u", token_id: "token-9", scopes: [], project_id: null, actions: null };
  const viewer = (actor: Member, agent_id: string): Viewer => ({ actor, agent_id, project: own, token: "none" });
  const paths = (who: Viewer) =>
    workspaceOf(own, lookup([node("a", true)], services), who).mounts.map((one) => one.mount_path);
  assert.deepEqual(paths(viewer(user, "bob")), ["/nodes/a/fs", "/nodes/a/tool"]);
  assert.deepEqual(paths(viewer(user, "worker")), ["/nodes/a/fs"]);
  assert.deepEqual(paths(viewer({ ...user, role: "admin" }, "worker")), ["/nodes/a/fs", "/nodes/a/tool"]);
});

const spellings: readonly (readonly [string, string])[] = [
  ["src", "/src"],
  ["//src///lib/", "/src/lib"],
  [" /a b ", "/a b"],
  ["/", "/"],
];
for (const [given, path] of spellings) {
  Deno.test(`normalMountPath() makes ${path} of "${given}"`, () => assert.equal(normalMountPath(given), path));
}
for (const given of ["", "  ", "/a/../b", "/./a", "/a\\b", "/a\u0000b", "/" + "x".repeat(1100)]) {
  Deno.test(`normalMountPath() refuses ${JSON.stringify(given.slice(0, 20))}`, () => {
    assert.throws(() => normalMountPath(given), { code: "invalid_payload" });
  });
}

Deno.test("overlaps() finds one path within another, and nothing in equal ones or those beside each other", () => {
  assert.deepEqual(
    [["/a", "/a/b"], ["/a/b", "/a"], ["/", "/a"], ["/a", "/a"], ["/a", "/ab"], ["/a/b", "/a/c"]].map((
      [one = "", other = ""],
    ) => overlaps(one, other)),
    [true, true, true, false, false, false],
  );
});
