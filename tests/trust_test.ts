/**
 * What trust means beyond the reference's own cases: watchers that see a part, limited tokens, revocation.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ControlConnection } from "../control/client/mod.ts";
import { type Answer, attach, inWorld, joined, type World } from "./world.ts";

/** A user that watches project proj-1, in which node-1 is mounted with a camera and a vault that it may not see. */
async function watcher(world: World, admin: ControlConnection) {
  const { node_id, node_secret } = await joined(admin);
  const service = (service_id: string, more: Answer = {}) => ({
    ...{ service_id, kind: "k", state: "online", endpoints: [`/nodes/node-1/${service_id}`], ...more },
  });
  const vault = (more: Answer = {}) => service("vault", { permissions: { default: "deny" }, ...more });
  const publish = (...services: Answer[]) => admin.call("node_service_upsert", { node_id, node_secret, services });
  await publish(service("camera"), vault());
  const { project_id } = await admin.call("project_create", {
    name: "site",
    access_policy: { read: "open", observe: "open" },
  });
  await admin.call("project_mount_set", { project_id, node_id, export_name: "work", mount_path: "/src" });
  const user = await world.user(admin, "u");
  await attach(user, "bob", project_id);
  const seen: Answer[] = [];
  user.onPush(({ type, payload }) => {
    if (type === "control.node_service_event") seen.push(Object(payload));
  });
  const { epoch, revision } = await user.call("node_service_watch", { snapshot: true, bookmarks: true });
  const next = async () => {
    await user.call("ping", {});
    return seen.splice(0).map(({ event, services, service_delta }) => ({
      kind: Object(event).kind,
      services: Object(services).map((one: Answer) => one["service_id"]),
      delta: service_delta as Record<string, Answer[]>,
    }));
  };
  return { user, node_id, project_id, service, vault, publish, next, position: { epoch, revision } };
}

inWorld("a scoped watcher is told of what it saw and of nothing else", async (world, admin) => {
  const { service, vault, publish, next } = await watcher(world, admin);
  await publish(service("camera"), vault({ version: "2" }));
  assert.deepEqual(await next(), [], "a change of what is hidden");
  await publish(service("camera"));
  assert.deepEqual(await next(), [], "the removal of what is hidden");
  await publish(service("camera"), service("mic"), vault({ runtime: { pin: "hunter2" } }));
  const [added] = await next();
  assert.deepEqual([added?.services, added?.delta["added"]?.map((one) => one["service_id"])], [["camera", "mic"], [
    "mic",
  ]]);
  await publish(service("camera"), vault({ runtime: { pin: "hunter2" } }));
  const [removed] = await next();
  assert.deepEqual(removed?.delta["removed"]?.map((one) => one["service_id"]), ["mic"]);
  await publish(service("camera"), service("vault"));
  const [opened] = await next();
  assert.deepEqual(opened?.delta["added"]?.map((one) => one["service_id"]), ["vault"]);
  assert.ok(!JSON.stringify(opened).includes("hunter2"));
  await publish(service("camera", { version: "2" }), vault());
  const [closed] = await next();
  assert.deepEqual(closed?.delta["removed"]?.map((one) => one["service_id"]), ["vault"]);
  const [change] = closed?.delta["updated"] ?? [];
  assert.deepEqual(change?.["changes"], [{ path: "/version", from: "1", to: "2" }]);
  await admin.call("node_delete", { node_id: "node-1" });
  const [deleted] = await next();
  assert.deepEqual([deleted?.kind, deleted?.services, deleted?.delta["removed"]?.length], ["deleted", [], 1]);
});

inWorld(
  "a scoped watcher that was away while its rights changed begins anew, and others go on",
  async (world, admin) => {
    const { user, project_id, service, vault, publish, next, position } = await watcher(world, admin);
    await publish(service("camera", { version: "2" }), vault());
    const resumed = await user.call("node_service_watch", { since: position });
    const [event] = (await next()).slice(-1);
    assert.deepEqual([resumed["replayed"], event?.delta["updated"]?.length], [1, 1]);
    await admin.call("project_update", { project_id, access_policy: { read: "open" } });
    await assert.rejects(user.call("node_service_watch", { since: position }), { code: "history_gone" });
    const anew = await user.call("node_service_watch", { since: position, snapshot: true });
    assert.equal(anew["replayed"], 0);
    // Nothing of before the node was mounted, and nothing of a project that may not be observed.
    await next();
    await user.call("node_service_watch", { replay_limit: 100 });
    assert.deepEqual(await next(), []);
  },
);

inWorld(
  "a token that is limited makes nothing beyond its limits, and a workspace tells of no other project",
  async (world, admin) => {
    const { node_id } = await joined(admin);
    await admin.call("project_create", { name: "hidden" });
    await admin.call("project_mount_set", {
      project_id: "proj-1",
      node_id,
      export_name: "work",
      mount_path: "/very/secret",
    });
    await admin.call("node_delete", { node_id });
    const { project_id } = await admin.call("project_create", { name: "site", access_policy: { read: "open" } });
    const limited = async (name: string, more: Answer) =>
      await world.connect(String((await admin.call("token_create", { name, role: "user", ...more }))["token"]));
    for (const user of [await limited("a", { project_id }), await limited("b", { actions: ["read", "observe"] })]) {
      for (const name of ["project_create", "project_up"]) {
        await assert.rejects(user.call(name, { name: "more" }), { code: "project_policy_forbidden" });
      }
    }
    const plain = await world.user(admin, "plain");
    for (const name of ["workspace_status", "reconcile_status"]) {
      const status = await plain.call(name, { project_id });
      assert.deepEqual([status["last_error"], status["queue_depth"]], [null, 0], name);
    }
    assert.match(String((await admin.call("reconcile_status", {}))["last_error"]), /very\/secret/);
    await assert.rejects(plain.call("explain_visibility", { path: "/nodes/node-1", project_id: "proj-1" }), {
      code: "project_policy_forbidden",
    });
  },
);

inWorld(
  "a token that is revoked ends its connections although whoever revoked it has gone",
  async (world, admin) => {
    const user = await world.user(admin, "u");
    const other = await world.connect();
    const answered = other.call("token_revoke", { token: "u" }).catch(() => {});
    other.close();
    await answered;
    assert.match((await user.ended).message, /revoked/);
  },
);

inWorld("nobody grants itself the sight of a node by mounting it", async (world, admin) => {
  const { node_id } = await joined(admin);
  const user = await world.user(admin, "u");
  const { project_id } = await user.call("project_create", { name: "mine" });
  const refusal = (node: unknown) =>
    user.call("project_mount_set", { project_id, node_id: node, export_name: "work", mount_path: "/src" }).then(
      () => "mounted",
      (error) => `${error.code} ${error.message}`.replace(String(node), "NODE"),
    );
  assert.match(await refusal(node_id), /^project_policy_forbidden/);
  assert.equal(await refusal(node_id), await refusal("node-99"));
  await assert.rejects(
    user.call("project_up", { name: "other", desired_mounts: [{ node_id, export_name: "work", mount_path: "/src" }] }),
    { code: "project_policy_forbidden" },
  );
  const operator = await world.connect(
    String((await admin.call("token_create", { name: "op", role: "operator", scopes: ["project"] }))["token"]),
  );
  const { project_id: shared } = await operator.call("project_create", {
    name: "shared",
    access_policy: { observe: "open" },
  });
  await operator.call("project_mount_set", { project_id: shared, node_id, export_name: "work", mount_path: "/src" });
  assert.equal(await refusal(node_id), "mounted");
});

inWorld("an unknown node and a wrong secret get the same answer, in text and size", async (_world, admin) => {
  await joined(admin);
  const answers = await Promise.all(
    ["node-1", "node-9"].map((node_id) =>
      admin.call("node_service_upsert", { node_id, node_secret: "secret-wrong", services: [] }).then(
        () => "accepted",
        ({ code, message, hint, path, data }) =>
          JSON.stringify({ code, message, hint, path, data }).replaceAll(node_id, "NODE"),
      )
    ),
  );
  assert.match(answers[0] ?? "", /node_auth_failed/);
  assert.equal(answers[0], answers[1]);
});
