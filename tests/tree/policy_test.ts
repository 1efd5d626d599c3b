import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { shellService, TreeScene } from "./tree_scene.ts";

type Answer = Record<string, unknown>;

/** A node with a service, and a project that mounts its folder and that everybody may use. */
async function site(scene: TreeScene, manifests: readonly Record<string, unknown>[]) {
  const node = await scene.startNode("edge", manifests);
  await writeFile(join(node.work, "a.txt"), "hello");
  const admin = await scene.connect();
  const { project_id } = await admin.call("project_create", { name: "Site" });
  const mount = { project_id, node_id: node.node_id, export_name: "work", mount_path: "/data/files" };
  await admin.call("project_mount_set", mount);
  const permit = (access_policy: Answer) => admin.call("project_update", { project_id, access_policy });
  await permit({ actions: { read: "open", observe: "open", invoke: "open" } });
  return { node, admin, mount, project_id: String(project_id), permit };
}

async function bound(scene: TreeScene, name: string, project_id: string, agent_id = "bob") {
  const user = await scene.user(name);
  await user.call("session_attach", { session_key: "main", agent_id, project_id });
  return { user, tree: await scene.tree(user) };
}

async function audited(admin: { call(name: string, payload: Answer): Promise<Answer> }, type: string) {
  const lines = Object((await admin.call("audit_tail", { limit: 100 }))["audit"]) as Answer[];
  return lines.filter(({ control_type }) => control_type === type);
}

Deno.test("a user reaches what the project mounts, in the tree of the node and in that of the project", async () => {
  await using scene = await TreeScene.open();
  const { node, project_id } = await site(scene, [shellService("echo", "cat")]);
  await scene.join([{ service_id: "other", kind: "tool", state: "online", endpoints: ["/nodes/node-2/other"] }]);
  const { tree } = await bound(scene, "ann", project_id);
  const names = async (path: string) => (await tree.list(path)).map(({ name }) => name);
  assert.deepEqual((await names("/nodes")).filter((name) => name.startsWith("node-")), [node.node_id]);
  assert.deepEqual(await names("/"), ["agents", "events", "meta", "nodes", "projects"]);
  assert.deepEqual(await names(`/nodes/${node.node_id}/fs`), ["work"]);
  assert.equal(await tree.readText(`/nodes/${node.node_id}/fs/work/a.txt`), "hello");
  assert.equal(await tree.readText(`/projects/${project_id}/fs/data/files/a.txt`), "hello");
  assert.equal(await tree.readText(`/projects/${project_id}/fs/mount::data::files`), `/nodes/${node.node_id}/fs\n`);
  const outcome = await tree.invoke(`/nodes/${node.node_id}/services/echo`, { n: 1 });
  assert.deepEqual(outcome.result, { n: 1 });
  const index = JSON.parse(await tree.readText("/agents/self/services/SERVICES.json")) as Answer[];
  assert.deepEqual(index.map(({ service_id, invoke_path }) => [service_id, invoke_path]), [
    ["fs", null],
    ["echo", `/nodes/${node.node_id}/echo/control/invoke.json`],
  ]);
  for (
    const hidden of [
      "/nodes/node-2",
      "/nodes/node-2/STATUS.json",
      "/debug",
      "/debug/pairing/pending.json",
      "/projects/system",
    ]
  ) {
    await assert.rejects(tree.stat(hidden), { code: "enoent" });
  }
});

Deno.test("what may not be seen is answered like what does not exist", async () => {
  await using scene = await TreeScene.open();
  const secret = { permissions: { default: "deny-by-default", allow_roles: ["admin"] } };
  const { node, project_id } = await site(scene, [shellService("open", "cat"), shellService("secret", "cat", secret)]);
  const { user, tree } = await bound(scene, "ann", project_id);
  const refusal = async (path: string) => {
    try {
      await tree.readText(path);
      assert.fail(`${path} was read`);
    } catch (error) {
      const { code, message, hint } = error as Error & { code: string; hint: string };
      return JSON.stringify([code, message, hint]).replaceAll(path.split("/").at(-1) ?? "", "NAME");
    }
  };
  const base = `/nodes/${node.node_id}`;
  assert.equal(await refusal(`${base}/secret`), await refusal(`${base}/nosuch`));
  assert.equal(await refusal(`${base}/services/secret`), await refusal(`${base}/services/nosuch`));
  assert.equal(await refusal(`${base}/fs/unmounted`), await refusal(`${base}/fs/nosuch`));
  assert.equal(await refusal("/nodes/node-77"), await refusal("/nodes/nosuch"));
  for (const path of [base, `${base}/services`, "/agents/self/services"]) {
    const text = JSON.stringify(await tree.list(path));
    assert.ok(!text.includes("secret"), text);
  }
  for (const file of [`${base}/services/SERVICES.json`, "/agents/self/services/SERVICES.json", "/meta/view.json"]) {
    assert.ok(!(await tree.readText(file)).includes("secret"), file);
  }
  await assert.rejects(tree.write(`${base}/secret/control/invoke.json`, "{}"), { code: "enoent" });
  // The fid was made while it was open to all.
  await user.message("t_walk", { fid: 1, newfid: 900, path: ["nodes", node.node_id, "open", "status.json"] });
  assert.equal((await user.message("t_read", { fid: 900 }))["eof"], true);
});

Deno.test("a policy that changes counts at once, for fids that are held too", async () => {
  await using scene = await TreeScene.open();
  const { node, project_id, permit } = await site(scene, [shellService("echo", "cat")]);
  const { user, tree } = await bound(scene, "ann", project_id);
  const path = ["nodes", node.node_id, "echo", "control", "invoke.json"];
  await user.message("t_walk", { fid: 1, newfid: 900, path });
  await user.message("t_open", { fid: 900, mode: "w" });
  assert.equal((await user.message("t_write", { fid: 900, data: "{}" }))["n"], 2);
  await permit({ actions: { read: "open", observe: "open", invoke: "open" }, agents: { bob: { invoke: "deny" } } });
  for (const message of ["t_write", "t_read", "t_stat"]) {
    await assert.rejects(user.message(message, { fid: 900, data: "{}" }), { code: "enoent" });
  }
  const base = `/nodes/${node.node_id}`;
  assert.ok(!(await tree.list(base)).some(({ name }) => name === "echo"));
  assert.equal(await tree.readText(`${base}/fs/work/a.txt`), "hello");
  const denied = { code: "eperm", message: /Cannot write .*invoke/ };
  await assert.rejects(tree.rename(`${base}/fs/work/a.txt`, `${base}/fs/work/b.txt`), denied);
  const other = await bound(scene, "cid", project_id, "alice");
  assert.equal((await other.tree.invoke(`${base}/services/echo`, {})).ok, true);
  await permit({ actions: { read: "deny", observe: "open", invoke: "open" } });
  await assert.rejects(tree.stat(`${base}/fs/work/a.txt`), { code: "enoent" });
});

Deno.test("what a manifest does not permit the node refuses too, whatever the server believes", async () => {
  await using scene = await TreeScene.open();
  const permissions = { default: "deny-by-default", allow_roles: ["admin"] };
  const { node, project_id, admin } = await site(scene, [shellService("echo", "cat", { permissions })]);
  const { tree } = await bound(scene, "ann", project_id);
  const { node_id } = node;
  await assert.rejects(tree.stat(`/nodes/${node_id}/echo`), { code: "enoent" });
  const { node_secret } = JSON.parse(await readFile(join(scene.folder, "edge", "state.json"), "utf8"));
  const { services } = await admin.call("node_service_get", { node_id });
  const opened = Object(services).map((service: Answer) => ({ ...service, permissions: { default: "allow" } }));
  await admin.call("node_service_upsert", { node_id, node_secret, services: opened });
  const denied = { code: "eperm", message: /the service does not permit it: allow_roles does not name user/ };
  await assert.rejects(tree.readText(`/nodes/${node_id}/echo/status.json`), denied);
  await assert.rejects(tree.write(`/nodes/${node_id}/echo/control/invoke.json`, "{}"), denied);
  assert.equal(await tree.readText(`/nodes/${node_id}/fs/work/a.txt`), "hello");
  const whole = await scene.tree(admin);
  assert.equal(await whole.readText(`/nodes/${node_id}/echo/last_error.txt`), "", "and nothing was invoked");
  assert.deepEqual(JSON.parse(await whole.readText(`/nodes/${node_id}/echo/status.json`)), { state: "idle" });
});

Deno.test("an invoke is one line of the audit log with who, what, the rule and how it ended; so is a refusal", async () => {
  await using scene = await TreeScene.open();
  const broken = shellService("broken", "cat >/dev/null; exit 1");
  const { node, project_id, admin, permit } = await site(scene, [shellService("echo", "cat"), broken]);
  const { tree } = await bound(scene, "ann", project_id);
  assert.equal((await tree.invoke(`/nodes/${node.node_id}/services/broken`, {})).ok, false);
  const base = `/nodes/${node.node_id}/echo`;
  const { call_id } = await tree.invoke(`/nodes/${node.node_id}/services/echo`, { a: 1 });
  await assert.rejects(tree.write(`${base}/control/disable`, "{}"), { code: "eperm" });
  await assert.rejects(tree.write(`${base}/control/invoke.json`, "no json"), { code: "invalid" });
  await permit({ actions: { read: "open", observe: "open", invoke: "open", admin: "open" } });
  await tree.write(`${base}/control/disable`, "{}");
  await assert.rejects(tree.write(`${base}/control/invoke.json`, "{}"), { code: "eperm" });
  const lines = (await audited(admin, "invoke")).toReversed();
  assert.deepEqual(
    lines.map((
      { role, actor, agent_id, target, result, error_code },
    ) => [role, actor, agent_id, target, result, error_code]),
    [
      ["user", "ann", "bob", `/nodes/${node.node_id}/services/broken/control/invoke.json`, "error", "driver_failed"],
      ["user", "ann", "bob", `/nodes/${node.node_id}/services/echo/control/invoke.json`, "ok", null],
      ["user", "ann", "bob", `/nodes/${node.node_id}/services/echo/control/disable`, "error", "eperm"],
      ["user", "ann", "bob", `/nodes/${node.node_id}/services/echo/control/disable`, "ok", null],
      ["user", "ann", "bob", `/nodes/${node.node_id}/services/echo/control/invoke.json`, "error", "eperm"],
    ],
  );
  assert.equal(lines[1]?.["correlation_id"], call_id);
  for (const { rule } of lines) assert.match(String(rule), /./);
});

Deno.test("events tell a user of what it sees and of nothing else", async () => {
  await using scene = await TreeScene.open();
  const admin = await scene.connect();
  const [seen, hidden] = [await scene.join(), await scene.join()];
  const { project_id } = await admin.call("project_create", { name: "Site" });
  await admin.call("project_mount_set", { project_id, node_id: seen.node_id, export_name: "work", mount_path: "/w" });
  await admin.call("project_update", {
    project_id,
    access_policy: { actions: { read: "open", observe: "open", invoke: "deny" } },
  });
  const { tree } = await bound(scene, "ann", String(project_id));
  const stop = new AbortController();
  const lines = tree.follow("/events", stop.signal);
  const first = lines.next();
  await tree.stat("/events"); // The stream has begun by then.
  const service = (service_id: string, more: object = {}) => ({
    ...{ service_id, kind: "tool", state: "online", endpoints: [`/nodes/x/${service_id}`] },
    ...more,
  });
  await hidden.publish([service("unseen")]);
  await seen.publish([service("locked", { capabilities: { invoke: true } })]);
  await seen.publish([service("locked", { capabilities: { invoke: true } }), service("plain")]);
  const event = JSON.parse(String((await first).value));
  assert.equal(event.node_id, seen.node_id);
  assert.deepEqual(event.service_delta.added.map((one: Answer) => one["service_id"]), ["plain"]);
  assert.ok(!JSON.stringify(event).includes("locked"));
  stop.abort();
  assert.equal((await lines.next()).done, true);
});

Deno.test("a node that is not connected shows what is known of it, and says so where its files are asked for", async () => {
  await using scene = await TreeScene.open();
  const { node, project_id } = await site(scene, [shellService("echo", "cat")]);
  const { tree } = await bound(scene, "ann", project_id);
  const file = `/nodes/${node.node_id}/fs/work/a.txt`;
  assert.equal(await tree.readText(file), "hello");
  await node.stop();
  assert.equal(JSON.parse(await tree.readText(`/nodes/${node.node_id}/STATUS.json`)).node_id, node.node_id);
  assert.ok((await tree.list(`/nodes/${node.node_id}`)).some(({ name, kind }) => name === "echo" && kind === "dir"));
  for (const wish of [() => tree.readText(file), () => tree.list(`/nodes/${node.node_id}/echo`)]) {
    await assert.rejects(wish(), (error: Error & { code: string; data: Answer }) => {
      assert.deepEqual([error.code, error.data["errno"]], ["eio", 5]);
      assert.match(error.message, /node-1.*is not connected/);
      return true;
    });
  }
  await assert.rejects(tree.invoke({ node_id: node.node_id, service_id: "echo" }, {}), { code: "eio" });
});

Deno.test("decisions about those who want to join are files, with the rights and the audit of their operations", async () => {
  await using scene = await TreeScene.open();
  const admin = await scene.connect();
  const tree = await scene.tree(admin);
  const raw = await scene.anonymous();
  await raw.ask('{"channel":"control","type":"control.version","id":"v","payload":{"protocol":"unified-v2"}}');
  const ask = async (name: string) =>
    String(
      Object(
        (await raw.ask(
          `{"channel":"control","type":"control.node_join_request","id":"j","payload":{"node_name":"${name}"}}`,
        ))["payload"],
      ).request_id,
    );
  const json = async (path: string) => JSON.parse(await tree.readText(`/debug/pairing/${path}`));
  const [one, two] = [await ask("cam"), await ask("mic")];
  assert.deepEqual(await json("last_result.json"), { status: "idle" });
  assert.equal(await json("last_error.json"), null);
  assert.deepEqual((await json("pending.json")).pending.map((entry: Answer) => entry["request_id"]), [one, two]);
  await tree.write("/debug/pairing/control/approve.json", JSON.stringify({ request_id: one }));
  const result = await json("last_result.json");
  assert.deepEqual([result.ok, result.action, result.response.node_name], [true, "approve", "cam"]);
  assert.equal(await json("last_error.json"), null);
  const three = await ask("eye");
  await tree.write("/debug/pairing/control/refresh", "now");
  assert.deepEqual((await json("pending.json")).pending.map((entry: Answer) => entry["request_id"]), [two, three]);
  await tree.write("/debug/pairing/control/deny.json", JSON.stringify({ request_id: two }));
  assert.equal((await json("last_result.json")).ok, true);
  await tree.write("/debug/pairing/control/deny.json", JSON.stringify({ request_id: two }));
  assert.equal((await json("last_error.json")).error, "PendingJoinNotFound");
  assert.equal((await json("last_result.json")).ok, false);
  await tree.write("/debug/pairing/control/approve.json", "");
  assert.equal((await json("last_error.json")).ok, false);
  await tree.write("/debug/pairing/invites/control/create.json", "");
  assert.equal((await json("invites/last_result.json")).response.invite_id, "invite-1");
  await admin.call("node_invite_create", {});
  await tree.write("/debug/pairing/invites/control/refresh", "{}");
  const active = (await json("invites/active.json")).invites as Answer[];
  assert.deepEqual(active.map(({ invite_id }) => invite_id), ["invite-1", "invite-2"]);
  assert.ok(!JSON.stringify(active).includes("inv-"));
  await tree.write("/debug/pairing/invites/control/create.json", '{"expires_in_ms":-1}');
  assert.equal((await json("invites/last_error.json")).error, "InvalidPayload");
  const types = (Object((await admin.call("audit_tail", { limit: 100 }))["audit"]) as Answer[]).map((one) =>
    one["control_type"]
  );
  for (const type of ["control.node_join_approve", "control.node_join_deny", "control.node_invite_create"]) {
    assert.ok(types.includes(type), type);
  }
  // Each sees what it may decide about, and nothing else.
  const made = await admin.call("token_create", { name: "op", role: "operator", scopes: ["node"] });
  const { project_id } = await admin.call("project_create", { name: "Site" });
  await admin.call("project_update", { project_id, access_policy: { actions: { read: "open" } } });
  const operator = await scene.connect(String(made["token"]));
  await operator.call("session_attach", { session_key: "main", agent_id: "op", project_id });
  const seen = await scene.tree(operator);
  assert.deepEqual((await seen.list("/debug/pairing")).map(({ name }) => name), ["invites"]);
  await assert.rejects(seen.stat("/debug/pairing/pending.json"), { code: "enoent" });
  await assert.rejects(seen.stat("/debug/stream.log"), { code: "enoent" });
});

Deno.test("handles at a node are closed with their fids and with the connection", async () => {
  await using scene = await TreeScene.open();
  const { node } = await site(scene, []);
  const watcher = await scene.tree();
  const connection = await scene.connect();
  await scene.tree(connection);
  const path = ["nodes", node.node_id, "fs", "work", "a.txt"];
  for (let newfid = 100; newfid < 300; newfid++) {
    await connection.message("t_walk", { fid: 1, newfid, path });
    await connection.message("t_open", { fid: newfid });
    if (newfid % 2 === 0) await connection.message("t_clunk", { fid: newfid });
  }
  assert.equal(openFiles(node.work), 100);
  connection.close();
  await connection.ended;
  // Through the same tunnel, so behind the closings.
  for (let look = 0; look < 50 && openFiles(node.work) > 0; look++) await watcher.stat(`/${path.join("/")}`);
  assert.equal(openFiles(node.work), 0);
});

/** How many files of a folder this process holds open. */
function openFiles(folder: string): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(folder)) count++;
    } catch {
      // closed meanwhile
    }
  }
  return count;
}

Deno.test("a fid is that of a path: what is mounted there later is what is read, and nothing of before", async () => {
  await using scene = await TreeScene.open();
  const manifests = [shellService("one", "cat", { help_md: "ONE" }), shellService("two", "cat", { help_md: "TWO" })];
  const { node, admin, project_id } = await site(scene, manifests);
  const mount = { project_id, node_id: node.node_id, mount_path: "/tool" };
  await admin.call("project_mount_set", { ...mount, export_name: "svc-one" });
  const { user } = await bound(scene, "ann", project_id);
  const path = ["projects", project_id, "fs", "tool", "README.md"];
  await user.message("t_walk", { fid: 1, newfid: 9, path });
  await user.message("t_walk", { fid: 1, newfid: 8, path: path.slice(0, -1) });
  await user.message("t_open", { fid: 9 });
  const read = async (fid: number) => atob(String((await user.message("t_read", { fid }))["data_b64"]));
  assert.equal(await read(9), "ONE");
  await admin.call("project_mount_remove", { project_id, mount_path: "/tool" });
  await assert.rejects(read(9), { code: "enoent" });
  await assert.rejects(read(8), { code: "enoent" });
  await admin.call("project_mount_set", { ...mount, export_name: "svc-two" });
  assert.equal(await read(9), "TWO");
  await user.message("t_walk", { fid: 8, newfid: 7, path: ["README.md"] });
  assert.equal(await read(7), "TWO");
});
