/**
 * Who may join, see and change what, through the real program.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ControlConnection, FsClient, type PushedFrame, type SessionTarget } from "../../control/client/mod.ts";
import { systemClock } from "../../drivers/process/mod.ts";
import { Scene, zss } from "./program.ts";

const connect = (scene: Scene, token: string | undefined, attach?: SessionTarget) =>
  ControlConnection.open({ url: scene.url, token, clock: systemClock, attach });

/** A user with a token of that name. */
async function userOf(scene: Scene, name: string, more: Record<string, unknown> = {}): Promise<string> {
  const admin = await connect(scene, scene.token);
  const { token } = await admin.call("token_create", { name, role: "user", ...more });
  admin.close();
  return String(token);
}

/** A node without a program behind it. */
async function joinedNode(scene: Scene, services: readonly Record<string, unknown>[]): Promise<Record<string, string>> {
  const admin = await connect(scene, scene.token);
  const { invite_token } = await admin.call("node_invite_create", {});
  const { node_id, node_secret } = await admin.call("node_join", { invite_token });
  await admin.call("node_service_upsert", { node_id, node_secret, services });
  admin.close();
  return { node_id: String(node_id), node_secret: String(node_secret) };
}

const service = (id: string, more: Record<string, unknown> = {}) => ({
  service_id: id,
  kind: id,
  state: "online",
  endpoints: [`/nodes/node-1/${id}`],
  ...more,
});

Deno.test("zss node join-request, pending, approve and deny let a node in that has no invite", async () => {
  await using scene = await Scene.open();
  const asked = await scene.client("node", "join-request", "--node-name", "workshop", "--os", "linux", "--json");
  const { request_id, claim_token, code } = JSON.parse(asked.stdout);
  const pending = await scene.client("node", "pending");
  assert.match(pending.stdout, new RegExp(`^${request_id} +${code} +workshop +linux/unknown`, "m"));
  assert.ok(!pending.stdout.includes(claim_token));
  const anonymous = await connect(scene, undefined);
  assert.deepEqual(await anonymous.call("node_join_claim", { request_id, claim_token }), { status: "pending" });
  await assert.rejects(anonymous.call("node_join_claim", { request_id, claim_token: "claim-0" }), {
    code: "pending_join_not_found",
  });
  await assert.rejects(anonymous.call("node_join_approve", { request_id }), { code: "forbidden" });
  const approved = await scene.client("node", "approve", request_id);
  assert.equal(approved.stdout, "node-1 (workshop) admitted\n");
  // Somebody whose answer was lost on its way collects again, and what was lost opens nothing.
  const lost = await anonymous.call("node_join_claim", { request_id, claim_token });
  const { status, node_id, node_secret } = await anonymous.call("node_join_claim", { request_id, claim_token });
  assert.deepEqual([status, node_id], ["approved", "node-1"]);
  const publish = (secret: unknown) =>
    anonymous.call("node_service_upsert", { node_id, node_secret: secret, services: [] });
  await assert.rejects(publish(lost["node_secret"]), { code: "node_auth_failed" });
  assert.equal((await publish(node_secret))["node_id"], node_id);
  await assert.rejects(anonymous.call("node_join_claim", { request_id, claim_token }), {
    code: "pending_join_not_found",
  });
  const lines = (await readFile(join(scene.folder, "data", "audit.ndjson"), "utf8")).trim().split("\n");
  const claims = lines.map((line) => JSON.parse(line)).filter(({ control_type }) =>
    /node_join_claim$/.test(control_type)
  );
  assert.deepEqual(
    claims.filter(({ result }) => result === "ok").map(({ target, rule }) => [target, rule === "claimed_again"]),
    [[`${request_id} node-1`, false], [`${request_id} node-1`, true]],
  );
  const other = JSON.parse((await scene.client("node", "join-request", "--json")).stdout);
  assert.equal((await scene.client("node", "deny", other.request_id)).stdout, `${other.request_id} denied\n`);
  assert.equal((await scene.client("node", "deny", other.request_id)).code, 1);
  assert.deepEqual(
    await anonymous.call("node_join_claim", { request_id: other.request_id, claim_token: other.claim_token }),
    { status: "denied" },
  );
  anonymous.close();
});

Deno.test("zss server token revoke cuts live connections, and the token opens nothing any more", async () => {
  await using scene = await Scene.open();
  const made = await scene.client("server", "token", "create", "alice", "-o", "name");
  const token = made.stdout.trim();
  assert.match(token, /^sw-user_/);
  const alice = await connect(scene, token);
  const twice = await scene.client("server", "token", "create", "alice");
  assert.match(twice.stderr, /the name is taken/);
  assert.equal((await scene.client("server", "token", "revoke", "alice")).stdout, "alice revoked\n");
  assert.match((await alice.ended).message, /the token was revoked/);
  await assert.rejects(connect(scene, token), { code: "provider_auth_failed" });
  const rotated = await scene.client("server", "token", "create", "bob", "-o", "name");
  const bob = await connect(scene, rotated.stdout.trim());
  const anew = await scene.client("server", "token", "rotate", "bob", "-o", "name");
  await bob.ended;
  (await connect(scene, anew.stdout.trim())).close();
  const list = await scene.client("server", "token", "list");
  assert.match(list.stdout, /^token-\d+ +bob +user/m);
  assert.ok(!list.stdout.includes(anew.stdout.trim()));
  assert.equal((await scene.client("server", "token", "revoke", "nobody")).code, 1);
});

Deno.test("a user without a project is told so, and works in one that it made", async () => {
  await using scene = await Scene.open();
  const alice = await connect(scene, await userOf(scene, "alice"));
  await assert.rejects(alice.call("connect", {}), { code: "provisioning_required" });
  await assert.rejects(alice.call("session_attach", { session_key: "main", agent_id: "bob" }), {
    code: "provisioning_required",
  });
  await assert.rejects(alice.call("node_service_watch", {}), { code: "provisioning_required" });
  for (const name of ["metrics", "node_list", "auth_status", "audit_tail"]) {
    await assert.rejects(alice.call(name, {}), { code: "forbidden", message: /operation requires admin token/ });
  }
  for (const target of [{ agent_id: "mother", project_id: "proj-1" }, { agent_id: "bob", project_id: "system" }]) {
    await assert.rejects(alice.call("session_attach", { session_key: "main", ...target }), { code: "forbidden" });
  }
  const { project_id } = await alice.call("project_create", { name: "site" });
  await alice.call("session_attach", { session_key: "work-1", agent_id: "bob", project_id });
  assert.equal((await alice.call("connect", {}))["agent_id"], "bob");
  alice.close();
  await alice.ended;
  const token = String((await (await connect(scene, scene.token)).call("token_rotate", { token: "alice" }))["token"]);
  const again = await connect(scene, token);
  // The token is another text for the same holder, who keeps what it made.
  assert.equal((await again.call("session_restore", {}))["found"], true);
  assert.equal((await again.call("project_get", { project_id }))["name"], "site");
  again.close();
});

Deno.test("a session is found again after a reconnect, with the project that it was bound to", async () => {
  await using scene = await Scene.open();
  const token = await userOf(scene, "alice");
  const first = await connect(scene, token);
  const { project_id } = await first.call("project_create", { name: "site" });
  await first.call("session_attach", { session_key: "work-1", agent_id: "bob", project_id });
  first.close();
  const second = await connect(scene, token);
  assert.equal((await second.call("connect", {}))["agent_id"], "bob");
  const { session } = await second.call("session_restore", {}) as { session: Record<string, unknown> };
  assert.deepEqual([session["session_key"], session["project_id"]], ["work-1", project_id]);
  assert.equal(Object((await second.call("session_history", { limit: 0 }))["sessions"]).length, 1);
  await assert.rejects(second.call("session_status", { session_key: "nothing" }), { code: "not_found" });
  await assert.rejects(second.call("session_close", { session_key: "main" }), { code: "forbidden" });
  second.close();
});

Deno.test("a project is private until it is opened, and a watcher hears when a node comes into view and leaves it", async () => {
  await using scene = await Scene.open();
  const { node_id } = await joinedNode(scene, [
    service("camera"),
    service("vault", { permissions: { default: "deny" } }),
  ]);
  const owner = await connect(scene, await userOf(scene, "owner", { role: "operator", scopes: ["project"] }));
  const guest = await connect(scene, await userOf(scene, "guest"));
  const { project_id } = await owner.call("project_create", { name: "site" });
  await assert.rejects(guest.call("project_get", { project_id }), { code: "project_policy_forbidden" });
  assert.deepEqual((await guest.call("project_list", {}))["projects"], []);
  await owner.call("project_update", { project_id, access_policy: { read: "open", observe: "open" } });
  await guest.call("session_attach", { session_key: "main", agent_id: "bob", project_id });
  const seen: PushedFrame[] = [];
  guest.onPush((frame) => seen.push(frame));
  await guest.call("node_service_watch", { snapshot: true, bookmarks: true });
  const settled = async () => {
    await guest.call("ping", {});
    return seen.splice(0).map(({ type, payload }) => ({
      type: type.replace("control.node_service_", ""),
      ...Object(payload),
    }));
  };
  assert.deepEqual((await settled()).map(({ type }) => type), ["synced"]);
  await assert.rejects(
    guest.call("project_mount_set", { project_id, node_id, export_name: "work", mount_path: "/src" }),
    { code: "project_policy_forbidden" },
  );
  await owner.call("project_mount_set", { project_id, node_id, export_name: "work", mount_path: "/src" });
  const [came] = await settled();
  assert.deepEqual([came?.event.kind, came?.service_delta.added.map((one: { service_id: string }) => one.service_id)], [
    "visibility",
    ["camera"],
  ]);
  assert.ok(!JSON.stringify(came).includes("vault"));
  await owner.call("project_update", {
    project_id,
    access_policy: { read: "open", observe: "open", agents: { bob: { observe: "deny" } } },
  });
  const [left] = await settled();
  assert.deepEqual([left?.event.kind, left?.services, left?.service_delta.removed.length], ["visibility", [], 1]);
  for (const connection of [owner, guest]) connection.close();
});

Deno.test("zss explain visibility names the rule, zss server audit says who did what, and finds what was tampered with", async () => {
  await using scene = await Scene.open();
  await joinedNode(scene, [service("camera"), service("vault", { permissions: { default: "deny" } })]);
  const alice = await userOf(scene, "alice");
  await scene.client(
    "project",
    "up",
    "site",
    "--mount",
    "/src=node-1:work",
    "--access",
    "read=open",
    "--access",
    "observe=open",
  );
  const hidden = await scene.client(
    "explain",
    "visibility",
    "/nodes/node-1/vault",
    "--as",
    "alice",
    "--in-project",
    "proj-1",
  );
  assert.equal(hidden.code, 1);
  assert.match(
    hidden.stdout,
    /is hidden for alice \(user\).*\n {2}yes {2}\/nodes\/node-1: .*observe is open\n {2}no .*default is deny/,
  );
  const visible = await scene.client(
    "explain",
    "visibility",
    "/nodes/node-1/camera",
    "--as",
    "alice",
    "--in-project",
    "proj-1",
  );
  assert.deepEqual([visible.code, /is visible for alice/.test(visible.stdout)], [0, true]);
  const user = await connect(scene, alice);
  await assert.rejects(user.call("node_invite_create", {}), { code: "forbidden" });
  await assert.rejects(user.call("explain_visibility", { path: "/nodes/node-1", as: "admin" }), { code: "forbidden" });
  user.close();
  await assert.rejects(connect(scene, "sw-user_unknown"));
  const files = { url: scene.url, node_id: "node-1", clock: systemClock };
  await assert.rejects(FsClient.open({ ...files, authToken: "secret-wrong" }));
  const tail = await scene.client("server", "audit", "tail");
  assert.match(tail.stdout, /anonymous +files +node-1 +node_auth_failed/);
  assert.ok(!tail.stdout.includes("secret-wrong"));
  assert.match(tail.stdout, /anonymous +connection +\/ +provider_auth_failed/);
  assert.match(tail.stdout, /alice +node_invite_create +- +forbidden/);
  assert.match(tail.stdout, /project_up +proj-1 +ok/);
  const data = join(scene.folder, "data");
  const file = join(data, "audit.ndjson");
  const verify = () => scene.client("server", "audit", "verify", "--data-dir", data);
  // While the server runs it is asked where the log ends.
  const running = await verify();
  assert.deepEqual([running.code, running.stderr, /is whole: \d+ entries/.test(running.stdout)], [0, "", true]);
  const unasked = await zss(["server", "audit", "verify", "--data-dir", data, "--json"], {
    env: { ZSS_URL: "ws://127.0.0.1:1" },
  });
  assert.deepEqual([unasked.code, JSON.parse(unasked.stdout).problems, JSON.parse(unasked.stdout).end_checked], [
    3,
    [],
    false,
  ]);
  assert.match(unasked.stderr, /did not say where the log ends: .*\n {2}hint: /);
  const asWritten = await readFile(file, "utf8");
  await writeFile(file, asWritten.slice(0, asWritten.lastIndexOf("\n", asWritten.length - 2) + 1));
  assert.deepEqual([(await verify()).code, /missing at the end/.test((await verify()).stdout)], [1, true]);
  await writeFile(file, asWritten.replace('"result":"error"', '"result":"ok"'));
  assert.deepEqual([(await verify()).code, /was altered/.test((await verify()).stdout)], [1, true]);
  await writeFile(file, asWritten);
  await scene.killServer();
  assert.match((await verify()).stdout, /is whole: \d+ entries/);
  const text = await readFile(file, "utf8");
  const lines = text.trim().split("\n");
  const tampered: readonly (readonly [string, string, RegExp])[] = [
    ["altered", text.replace('"result":"error"', '"result":"ok"'), /was altered/],
    ["removed", [...lines.slice(0, 2), ...lines.slice(3)].join("\n") + "\n", /are missing/],
    ["cut off", lines.slice(0, -3).join("\n") + "\n", /are missing at the end/],
    ["added", text + lines.at(-1) + "\n", /does not follow/],
  ];
  for (const [what, content, says] of tampered) {
    await writeFile(file, content);
    const found = await verify();
    assert.deepEqual([what, found.code, says.test(found.stdout)], [what, 1, true], found.stdout);
  }
  await writeFile(file, text);
  assert.equal((await verify()).code, 0);
});

Deno.test("zss project and zss workspace show what is mounted, what stands by, and what is missing", async () => {
  await using scene = await Scene.open();
  const first = await joinedNode(scene, []);
  await joinedNode(scene, []);
  const zss = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await scene.client(...args);
    return { code, text: stdout + stderr };
  };
  assert.match((await zss("project", "create", "site")).text, /project {2}proj-1\n[^]*private to its maker/);
  await zss("project", "mount", "set", "proj-1", "/src=node-1:work");
  await zss("project", "mount", "set", "proj-1", "//src/=node-2:work");
  assert.match((await zss("project", "mount", "set", "proj-1", "/src/lib=node-1:lib")).text, /mount_conflict/);
  assert.match((await zss("project", "mount", "set", "proj-1", "/a/../b=node-1:lib")).text, /holds "\." or "\.\."/);
  assert.deepEqual(
    (await zss("project", "mount", "list", "proj-1", "-o", "name")).text,
    "/src=node-1:work\n/src=node-2:work\n",
  );
  assert.deepEqual((await zss("workspace", "status", "proj-1")).code, 0);
  await zss("node", "delete", String(first["node_id"]));
  const status = await zss("workspace", "status", "proj-1");
  assert.match(status.text, /\/src +online +node-2 +work +using healthy failover node/);
  await zss("node", "delete", "node-2");
  const missing = await zss("workspace", "status", "proj-1");
  assert.deepEqual([missing.code, /\/src +missing/.test(missing.text)], [1, true]);
  const token = (await zss("project", "token", "rotate", "proj-1", "-o", "name")).text.trim();
  const user = await connect(scene, await userOf(scene, "alice"));
  await assert.rejects(user.call("project_get", { project_id: "proj-1" }), { code: "missing_field" });
  await assert.rejects(user.call("project_get", { project_id: "proj-1", project_token: "proj-0" }), {
    code: "project_auth_failed",
  });
  assert.equal((await user.call("project_get", { project_id: "proj-1", project_token: token }))["token_locked"], true);
  user.close();
  assert.match((await zss("project", "delete", "system")).text, /project_protected/);
  assert.equal((await zss("project", "delete", "proj-1")).text, "proj-1 deleted\n");
  assert.match((await zss("project", "get", "proj-1")).text, /project_not_found/);
});

Deno.test("no secret reaches a log, a file, a metric or a terminal, whatever is done with it", async () => {
  await using scene = await Scene.open();
  const secrets = new Map<string, string>();
  const keep = (what: string, secret: unknown) => secrets.set(what, String(secret));
  keep("admin token", scene.token);
  const admin = await connect(scene, scene.token);
  const invite = await admin.call("node_invite_create", {});
  keep("invite", invite["invite_token"]);
  const joined = await admin.call("node_join", { invite_token: invite["invite_token"] });
  keep("node secret", joined["node_secret"]);
  keep("lease token", joined["lease_token"]);
  const asked = await admin.call("node_join_request", { node_name: "asks" });
  keep("claim token", asked["claim_token"]);
  keep("approved secret", (await admin.call("node_join_approve", { request_id: asked["request_id"] }))["node_secret"]);
  const user = await userOf(scene, "alice");
  keep("user token", user);
  const { project_id } = await admin.call("project_create", { name: "site" });
  keep("project token", (await admin.call("project_token_rotate", { project_id }))["project_token"]);
  const wrong = "secret-planted-but-wrong-0123456789";
  keep("wrong secret", wrong);
  for (
    const [name, payload] of [
      ["node_service_upsert", { node_id: "node-1", node_secret: wrong, services: [] }],
      ["node_join", { invite_token: wrong }],
      ["node_join", { invite_token: invite["invite_token"] }],
      ["node_join_claim", { request_id: "pending-join-1", claim_token: wrong }],
      ["project_get", { project_id, project_token: wrong }],
      ["node_lease_refresh", { node_id: "node-1", node_secret: wrong }],
    ] as const
  ) {
    await admin.call(name, payload).catch((error) => assert.ok(!String(error.message + error.hint).includes(wrong)));
  }
  const refused = await connect(scene, wrong).catch((error: Error) => error.message);
  assert.ok(typeof refused === "string" && !refused.includes(wrong));
  const shown = await Promise.all([
    ...["auth_status", "token_list", "audit_tail", "node_list", "metrics", "project_list"].map((name) =>
      admin.call(name, {}).then((answer) => JSON.stringify(answer))
    ),
    scene.client("node", "list").then(({ stdout, stderr }) => stdout + stderr),
    scene.client("server", "audit", "tail", "--json").then(({ stdout }) => stdout),
    fetch(`${scene.url.replace("ws:", "http:")}/metrics`, { headers: { Authorization: `Bearer ${scene.token}` } })
      .then((response) => response.text()),
  ]);
  admin.close();
  await scene.killServer();
  const files = new Map<string, string>(shown.map((text, index) => [`answer ${index}`, text]));
  files.set("the server's terminal", scene.serverOutput);
  for (const name of readdirSync(join(scene.folder, "data"))) {
    const path = join(scene.folder, "data", name);
    if (statSync(path).isFile()) files.set(name, readFileSync(path, "latin1"));
  }
  assert.ok(files.has("zss.db") && files.has("audit.ndjson"));
  for (const [file, text] of files) {
    for (const [what, secret] of secrets) assert.ok(!text.includes(secret), `${what} stands in ${file}`);
  }
});
