/**
 * What the reference's own tests ask of the tree, under their own names.
 *
 * Left out are cases that need chat, jobs or memory, and those of policy files
 * of a world without a control plane: here every node is in the catalog or
 * mounted, so there is no node `local` that a file makes up. The queues of
 * pairing and invites stand in tests/tree/policy_test.ts.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ControlConnection, WorldTree } from "../control/client/mod.ts";
import { shellService, TreeScene } from "./tree/tree_scene.ts";

type Answer = Record<string, unknown>;

function conformance(
  name: string,
  body: (scene: TreeScene, tree: WorldTree, admin: ControlConnection) => Promise<void>,
): void {
  Deno.test(`conformance: WorldFS: ${name}`, async () => {
    await using scene = await TreeScene.open();
    const admin = await scene.connect();
    await body(scene, await scene.tree(admin), admin);
  });
}

const json = async (tree: WorldTree, path: string) => JSON.parse(await tree.readText(path));
const names = async (tree: WorldTree, path: string) => (await tree.list(path)).map(({ name }) => name);

async function project(
  admin: ControlConnection,
  mounts: readonly (readonly [string, string, string])[],
  more: Answer = {},
) {
  const { project_id } = await admin.call("project_create", { name: "Site" });
  for (const [mount_path, node_id, export_name] of mounts) {
    await admin.call("project_mount_set", { project_id, mount_path, node_id, export_name });
  }
  const access_policy = { actions: { read: "open", observe: "open", invoke: "open" }, ...more };
  await admin.call("project_update", { project_id, access_policy });
  return String(project_id);
}

async function bound(scene: TreeScene, project_id: string, agent_id: string) {
  const user = await scene.user(`token of ${agent_id}`.replaceAll(" ", "-"));
  await user.call("session_attach", { session_key: "main", agent_id, project_id });
  return await scene.tree(user);
}

conformance("rebinding reseeds and clears stale state", async (scene, _tree, admin) => {
  const [one, two] = [await scene.join(), await scene.join()];
  const first = await project(admin, [["/a", one.node_id, "work"]]);
  const second = await project(admin, [["/b", two.node_id, "work"]]);
  const user = await scene.user("ann");
  const seen: unknown[] = [];
  for (const project_id of [first, second]) {
    await user.call("session_attach", { session_key: "main", agent_id: "ann", project_id });
    const tree = await scene.tree(user);
    seen.push((await names(tree, "/nodes")).filter((name) => name.startsWith("node")));
    assert.equal((await json(tree, "/meta/view.json")).project_id, project_id);
  }
  assert.deepEqual(seen, [["node-1"], ["node-2"]]);
});

conformance("catalogue: terminal-9 degraded, CAPS fs:false terminal:true", async (scene, tree) => {
  const endpoints = ["/nodes/node-1/terminal/9"];
  await scene.join([{ service_id: "terminal-9", kind: "terminal", state: "degraded", endpoints }]);
  assert.deepEqual(await json(tree, "/nodes/node-1/CAPS.json"), {
    ...{ fs: false, camera: false, screen: false, user: false },
    terminal: true,
  });
  assert.deepEqual(await json(tree, "/nodes/node-1/services/SERVICES.json"), [
    { service_id: "terminal-9", kind: "terminal", state: "degraded", endpoint: "/nodes/node-1/terminal/9" },
  ]);
  assert.deepEqual(await json(tree, "/nodes/node-1/SCHEMA.json"), {
    kind: "node",
    children: "services + mount roots",
  });
});

conformance("an empty catalogue suppresses roots, SERVICES.json is []", async (scene, tree) => {
  await scene.join();
  assert.deepEqual(await json(tree, "/nodes/node-1/services/SERVICES.json"), []);
  assert.deepEqual(await names(tree, "/nodes/node-1"), [
    ...["CAPS.json", "NODE.json", "README.md", "SCHEMA.json", "STATUS.json", "events", "services"],
  ]);
});

conformance(
  "project meta files reflect the live workspace, mount-only nodes are discovered, no other project leaks",
  async (scene, tree, admin) => {
    const [one, two] = [await scene.join(), await scene.join()];
    const id = await project(admin, [["/a", one.node_id, "work"], ["/b", two.node_id, "work"]]);
    const other = await project(admin, [["/secret", two.node_id, "hidden"]]);
    await admin.call("project_update", { project_id: other, access_policy: { actions: { read: "deny" } } });
    const user = await bound(scene, id, "ann");
    const meta = (file: string) => json(user, `/projects/${id}/meta/${file}`);
    assert.deepEqual([(await meta("health.json")).state, await meta("alerts.json")], ["healthy", []]);
    assert.deepEqual((await meta("mounts.json")).map(({ mount_path }: Answer) => mount_path), ["/a", "/b"]);
    assert.equal((await meta("workspace_status.json")).project_id, id);
    assert.deepEqual((await meta("paths.json")).global.debug, null);
    await admin.call("node_delete", { node_id: two.node_id });
    assert.equal((await meta("health.json")).state, "missing");
    assert.deepEqual((await meta("alerts.json")).map((alert: Answer) => alert["id"]).slice(0, 1), ["missing_mounts"]);
    assert.deepEqual((await meta("nodes.json")).map(({ node_id, state }: Answer) => [node_id, state]), [
      ["node-1", "online"],
      ["node-2", "missing"],
    ]);
    assert.deepEqual(await json(user, "/nodes/node-2/STATUS.json"), {
      ...{ node_id: "node-2", state: "unknown", online: false, source: "workspace_discovery" },
    });
    await assert.rejects(user.stat("/nodes/node-2/NODE.json"), { code: "enoent" });
    assert.deepEqual(await names(user, `/projects/${id}/nodes`), [
      "CAPS.json",
      "README.md",
      "SCHEMA.json",
      "node-1",
      "node-2",
    ]);
    assert.equal(await user.readText(`/projects/${id}/nodes/node-1`), "/nodes/node-1\n");
    await assert.rejects(user.stat(`/projects/${other}`), { code: "enoent" });
    assert.ok(!JSON.stringify(await user.list("/projects")).includes(other));
    assert.equal((await json(user, "/meta/workspace_status.json")).project_id, id);
    // An admin's view of the same holds no token of a node either.
    assert.ok(!(await tree.readText(`/projects/${id}/meta/workspace_status.json`)).match(/"fs_auth_token":"/));
  },
);

conformance(
  "roots from kinds: camera and terminal/3, no fs; a custom mount root; the files of a service",
  async (scene, tree) => {
    await scene.join([
      { service_id: "cam", kind: "camera", state: "online", endpoints: ["/nodes/node-1/camera"] },
      { service_id: "terminal-3", kind: "terminal", state: "online", endpoints: ["/nodes/node-1/terminal/3"] },
      {
        ...{ service_id: "drive-main", kind: "drive", state: "online", endpoints: ["/nodes/node-1/drive/main"] },
        mounts: [{ mount_id: "m", mount_path: "/nodes/node-1/drive" }],
        ops: { list: true },
        runtime: { type: "builtin" },
        permissions: { default: "allow-by-default" },
        help_md: "# Drive",
      },
    ]);
    const found = await names(tree, "/nodes/node-1");
    assert.deepEqual(found.filter((name) => !/\.|events|services/.test(name)), ["camera", "drive", "terminal"]);
    assert.deepEqual(await names(tree, "/nodes/node-1/terminal"), ["3"]);
    const file = (name: string) => json(tree, `/nodes/node-1/services/drive-main/${name}.json`);
    assert.deepEqual(await file("MOUNTS"), [{ mount_id: "m", mount_path: "/nodes/node-1/drive", state: "online" }]);
    assert.deepEqual([await file("OPS"), await file("RUNTIME"), await file("PERMISSIONS")], [
      { list: true },
      { type: "builtin" },
      { default: "allow-by-default" },
    ]);
    assert.equal(await tree.readText("/nodes/node-1/services/drive-main/README.md"), "# Drive");
  },
);

const tool = {
  ...{ service_id: "tool-main", kind: "tool", state: "online", endpoints: ["/nodes/node-1/tool/main"] },
  ...{ capabilities: { invoke: true }, mounts: [{ mount_id: "tool", mount_path: "/nodes/node-1/tool/main" }] },
};
const fs = { service_id: "fs", kind: "fs", state: "online", endpoints: ["/nodes/node-1/fs"] };

conformance(
  "deny-by-default is hidden for a user, directory and root, and visible for an admin",
  async (scene, tree, admin) => {
    await scene.join([fs, { ...tool, permissions: { default: "deny-by-default" } }]);
    const user = await bound(scene, await project(admin, [["/w", "node-1", "work"]]), "ann");
    const seen = async (
      one: WorldTree,
    ) => [await names(one, "/nodes/node-1"), await names(one, "/nodes/node-1/services")];
    assert.match(JSON.stringify(await seen(tree)), /tool.*tool-main/);
    assert.doesNotMatch(JSON.stringify(await seen(user)), /tool/);
    await assert.rejects(user.stat("/nodes/node-1/tool/main"), { code: "enoent" });
    await assert.rejects(user.stat("/nodes/node-1/services/tool-main/CAPS.json"), { code: "enoent" });
  },
);

conformance(
  "per-agent invoke deny hides tool-main, its root and its index entry; another agent sees its invoke_path",
  async (scene, tree, admin) => {
    await scene.join([fs, tool]);
    const id = await project(admin, [["/w", "node-1", "work"]], { agents: { worker: { invoke: "deny" } } });
    const [worker, bob] = [await bound(scene, id, "worker"), await bound(scene, id, "bob")];
    const index = async (one: WorldTree) =>
      (await json(one, "/agents/self/services/SERVICES.json")).map((
        { service_id, invoke_path }: Answer,
      ) => [service_id, invoke_path]);
    assert.deepEqual(await index(worker), [["fs", null]]);
    assert.deepEqual(await index(bob), [["fs", null], ["tool-main", "/nodes/node-1/tool/main/control/invoke.json"]]);
    // E+: the mount of the folder stays, that of the tool goes; an admin sees both.
    assert.deepEqual((await names(worker, "/nodes/node-1")).filter((name) => /^(fs|tool)$/.test(name)), ["fs"]);
    for (const one of [bob, tree]) {
      assert.deepEqual((await names(one, "/nodes/node-1")).filter((name) => /^(fs|tool)$/.test(name)), ["fs", "tool"]);
    }
  },
);

conformance(
  "registered nodes are under /nodes with source control_plane, not linked into the project; late ones appear",
  async (scene, tree, admin) => {
    const id = await project(admin, []);
    await scene.join();
    const nodes = async () => (await names(tree, "/nodes")).filter((name) => name.startsWith("node"));
    assert.deepEqual(await nodes(), ["node-1"]);
    const status = await json(tree, "/nodes/node-1/STATUS.json");
    assert.deepEqual([status.source, status.state, status.online], ["control_plane", "online", true]);
    assert.ok(!(await names(tree, `/projects/${id}/nodes`)).includes("node-1"));
    await scene.join();
    assert.deepEqual(await nodes(), ["node-1", "node-2"]);
    const { node } = await json(tree, "/nodes/node-2/NODE.json");
    assert.deepEqual([node.node_id, "fs_auth_token" in node], ["node-2", false]);
  },
);

conformance("catalogue and a real invoke: result.json echoes, status.json is ok", async (scene, tree) => {
  const { node_id } = await scene.startNode("edge", [shellService("echo", "cat")]);
  await tree.write(`/nodes/${node_id}/echo/control/invoke.json`, '{"say":"hi"}');
  assert.deepEqual(await json(tree, `/nodes/${node_id}/echo/result.json`), { say: "hi" });
  assert.equal((await json(tree, `/nodes/${node_id}/echo/status.json`)).state, "ok");
});

conformance(
  "multi-node: a failing driver, then its cooldown refuses the second write with errno 11; the other node works",
  async (scene, tree) => {
    const supervision = { max_consecutive_failures: 1, cooldown_ms: 60_000, auto_disable_on_threshold: false };
    const failing = shellService("tool", "cat >/dev/null; exit 3");
    const [one, two] = [
      await scene.startNode("one", [failing]),
      await scene.startNode("two", [shellService("tool", "cat")]),
    ];
    await tree.write(`/nodes/${one.node_id}/tool/config.json`, JSON.stringify({ supervision }));
    const first = await tree.invoke({ node_id: one.node_id, service_id: "tool" }, {});
    assert.deepEqual([first.ok, first.status["exit_code"]], [false, 3]);
    await assert.rejects(
      tree.invoke({ node_id: one.node_id, service_id: "tool" }, {}),
      (error: Error & { data: Answer; code: string }) => {
        assert.deepEqual([error.code, error.data["errno"]], ["eagain", 11]);
        return true;
      },
    );
    assert.equal((await tree.invoke({ node_id: two.node_id, service_id: "tool" }, {})).ok, true);
  },
);

conformance("an expired lease shows degraded, a refresh online", async (scene, tree, admin) => {
  const stop = new AbortController();
  const events = tree.follow("/events", stop.signal);
  const kinds = async (kind: string) => {
    for await (const line of { [Symbol.asyncIterator]: () => ({ next: () => events.next() }) }) {
      if (JSON.parse(line).event.kind === kind) return;
    }
  };
  const node = await scene.join([], 1_000);
  await kinds("offline");
  const status = () => json(tree, `/nodes/${node.node_id}/STATUS.json`);
  assert.deepEqual([(await status()).state, (await status()).online], ["degraded", false]);
  await admin.call("node_lease_refresh", {
    node_id: node.node_id,
    node_secret: node.node_secret,
    lease_ttl_ms: 900_000,
  });
  assert.equal((await status()).state, "online");
  stop.abort();
  await events.next();
});

const targets: readonly (readonly [string, Answer, string])[] = [
  ["relative", { invoke: "run/now.json" }, "/nodes/node-1/tool/main/run/now.json"],
  ["relative with slashes", { invoke: "//run.json" }, "/nodes/node-1/tool/main/run.json"],
  ["absolute", { invoke: "/nodes/node-1/other/control/invoke.json" }, "/nodes/node-1/other/control/invoke.json"],
  ["of paths", { paths: { invoke: "go.json" } }, "/nodes/node-1/tool/main/go.json"],
  ["no string", { invoke: 7 }, "/nodes/node-1/tool/main/control/invoke.json"],
  ["blank", { invoke: "  " }, "/nodes/node-1/tool/main/control/invoke.json"],
];
conformance("OPS invoke: relative, absolute, non-string fallback", async (scene, tree) => {
  const node = await scene.join();
  for (const [what, ops, wanted] of targets) {
    await node.publish([{ ...tool, ops }]);
    const [entry] = await json(tree, "/agents/self/services/SERVICES.json");
    assert.deepEqual([entry.has_invoke, entry.invoke_path], [true, wanted], what);
    assert.equal((await json(tree, "/nodes/node-1/services/tool-main/STATUS.json")).invoke_path, wanted, what);
  }
});
