/**
 * Who reaches which file of a node through the relay, through the real program.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ControlConnection, FsClient, type SessionTarget } from "../../control/client/mod.ts";
import { FsError } from "../../control/protocol/mod.ts";
import { systemClock } from "../../drivers/process/mod.ts";
import { Scene, zss } from "./program.ts";

const echo = {
  service_id: "echo",
  kind: "echo",
  capabilities: { invoke: true },
  permissions: { allow_roles: ["user"] },
  runtime: { type: "native_proc", executable_path: "zss", args: ["driver", "echo"] },
};
const hidden = { ...echo, service_id: "hidden", permissions: { default: "deny" } };

/** A server with a node that serves two folders and two services, and a user called bob. */
class House implements AsyncDisposable {
  readonly scene: Scene;
  readonly admin: ControlConnection;
  /** Token of bob. */
  readonly bob: string;

  private constructor(scene: Scene, admin: ControlConnection, bob: string) {
    this.scene = scene;
    this.admin = admin;
    this.bob = bob;
  }

  static async open(access: Record<string, string>): Promise<House> {
    const scene = await Scene.open();
    const dirs = Object.fromEntries(
      await Promise.all(["work", "home", "services.d"].map(async (name) => {
        const path = join(scene.folder, name);
        await mkdir(path);
        return [name, path];
      })),
    );
    await writeFile(join(dirs["work"], "a.txt"), "alpha");
    await writeFile(join(dirs["home"], "secret.txt"), "hush");
    await writeFile(join(dirs["services.d"], "echo.json"), JSON.stringify(echo));
    await writeFile(join(dirs["services.d"], "hidden.json"), JSON.stringify(hidden));
    const exports = ["work", "home"].flatMap((name) => ["--export", `${name}=${dirs[name]}`]);
    const node = await scene.startNode("--services-dir", dirs["services.d"], ...exports);
    await node.printed(/zss node online: 3 services/);
    const admin = await ControlConnection.open({ url: scene.url, token: scene.token, clock: systemClock });
    const { token } = await admin.call("token_create", { name: "bob", role: "user" });
    await admin.call("project_create", { name: "Demo", access_policy: { actions: access } });
    const mount = { project_id: "proj-1", node_id: "node-1", export_name: "work", mount_path: "/src" };
    await admin.call("project_mount_set", mount);
    return new House(scene, admin, String(token));
  }

  files(attach: SessionTarget | undefined, token: string | null = this.bob, authToken?: string) {
    return FsClient.open({
      url: this.scene.url,
      token: token ?? undefined,
      node_id: "node-1",
      clock: systemClock,
      attach,
      ...(authToken === undefined ? {} : { authToken }),
    });
  }

  async audit(): Promise<string[]> {
    const { audit: entries } = await this.admin.call("audit_tail", { limit: 100 });
    return (Array.isArray(entries) ? entries : [])
      .filter(({ control_type }) => control_type === "invoke")
      .map(({ actor, role, target, result, error_code }) => [actor, role, target, result, error_code].join(" "))
      .toReversed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.admin.close();
    await this.scene[Symbol.asyncDispose]();
  }
}

const demo: SessionTarget = { agent_id: "cli", project_id: "proj-1" };
const open = { read: "open", observe: "open", invoke: "open" };
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const refused = (errno: number, message: RegExp) => (error: unknown) =>
  error instanceof FsError && error.errno === errno && message.test(error.message);

Deno.test("a user reads and invokes what its project mounts and permits, and nothing else is there", async () => {
  await using house = await House.open(open);
  const files = await house.files(demo);
  assert.deepEqual((await files.exports()).map(({ name }) => name), ["work", "svc-echo"]);
  assert.equal(text(await files.read(await files.walk("work", ["a.txt"]))), "alpha");
  const answer = await files.write(await files.walk("svc-echo", ["control", "invoke.json"]), encoded('{"a":1}'));
  assert.match(String(answer.call_id), /^c-/);
  assert.match(text(await files.read(await files.walk("svc-echo", ["result.json"]))), /"echo":\{"a":1\}/);

  // The numbers that another client was given open nothing here.
  const whole = await house.files(undefined, house.scene.token);
  const secret = await whole.walk("home", ["secret.txt"]);
  assert.equal(text(await whole.read(secret)), "hush");
  await assert.rejects(files.read(secret), refused(2, /^file not found$/));
  await assert.rejects(files.attributes(await whole.walk("svc-hidden", [])), refused(2, /^file not found$/));

  // To operate a service for everybody is another right.
  const disable = await files.walk("svc-echo", ["control", "disable"]);
  await assert.rejects(files.write(disable, encoded("{}")), refused(13, /project proj-1 is private/));
  await whole.write(await whole.walk("svc-hidden", ["control", "invoke.json"]), encoded("{}"));
  assert.deepEqual(await house.audit(), [
    "bob user /nodes/node-1/services/echo/control/invoke.json ok ",
    "bob user /nodes/node-1/services/echo/control/disable error fs_error",
    "preset admin /nodes/node-1/services/hidden/control/invoke.json ok ",
  ]);

  // What is taken away is gone at once.
  await house.admin.call("project_mount_remove", { project_id: "proj-1", mount_path: "/src" });
  await assert.rejects(files.walk("work", ["a.txt"]), refused(2, /serves no "work"/));
  await assert.rejects(files.attributes(disable), refused(2, /^file not found$/));
  files.close();
  whole.close();
});

Deno.test("a user who may not invoke sees the folder and no service", async () => {
  await using house = await House.open({ read: "open", observe: "open" });
  const files = await house.files(demo);
  assert.deepEqual((await files.exports()).map(({ name }) => name), ["work"]);
  files.close();
  const node = (more: SessionTarget | undefined) => house.files(more);
  await assert.rejects(node(undefined), refused(2, /^NodeNotFound: the session is bound to no project/));
});

Deno.test("the fs_auth_token of a user opens what that user may see, and ends with the user's token", async () => {
  await using house = await House.open(open);
  const bob = await ControlConnection.open({ url: house.scene.url, token: house.bob, clock: systemClock });
  const { mounts } = await bob.call("workspace_status", { project_id: "proj-1" });
  const [mount] = Array.isArray(mounts) ? mounts : [];
  const files = await house.files(undefined, null, mount.fs_auth_token);
  assert.deepEqual((await files.exports()).map(({ name }) => name), ["work", "svc-echo"]);
  await house.admin.call("token_revoke", { token: "bob" });
  await assert.rejects(files.exports(), { code: "connection_lost" });
  await assert.rejects(house.files(undefined, null, mount.fs_auth_token), refused(13, /^NodeAuthFailed/));
  bob.close();
});

Deno.test("zss node service-runtime works for a user with --project", async () => {
  await using house = await House.open(open);
  const run = (...args: string[]) =>
    zss(args, { env: { ...house.scene.env, ZSS_TOKEN: house.bob }, cwd: house.scene.folder });
  const invoked = await run("--project", "proj-1", "node", "service-runtime", "node-1", "echo", "invoke", '{"b":2}');
  assert.deepEqual([invoked.code, invoked.stderr], [0, ""]);
  assert.match(invoked.stdout, /"echo":\{"b":2\}/);
  const missing = await run("node", "service-runtime", "node-1", "echo", "invoke", "{}");
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /bound to no project; bind it to one with --project/);
});

function encoded(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
