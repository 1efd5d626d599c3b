import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Finished, Scene, zss } from "./program.ts";

Deno.test("a name of a node works for a user as for an admin, in paths and elsewhere", async () => {
  await using scene = await Scene.open();
  const [work, services] = [join(scene.folder, "work"), join(scene.folder, "services.d")];
  await Promise.all([mkdir(work), mkdir(services)]);
  await writeFile(join(work, "note.txt"), "the lens cap");
  const runtime = { type: "native_proc", executable_path: "cat" };
  const echo = { service_id: "echo", kind: "echo", runtime, permissions: { allow_roles: ["user"] } };
  await writeFile(join(services, "echo.json"), JSON.stringify(echo));
  const node = await scene.startNode("--services-dir", services, "--export", `work=${work}`);
  await node.printed(/zss node online/);
  const access = ["read", "observe", "invoke", "mount"].flatMap((action) => ["--access", `${action}=open`]);
  await scene.client("project", "create", "site", ...access);
  await scene.client("project", "mount", "set", "proj-1", "/src=node-1:work");
  const made = await scene.client("server", "token", "create", "alice", "-o", "name");
  const alice = (...args: string[]): Promise<Finished> =>
    zss(args, { env: { ...scene.env, ZSS_TOKEN: made.stdout.trim() }, cwd: scene.folder });

  // Without a project there is no tree; the refusal says what to do in the words of the command line.
  const lost = await alice("fs", "ls", "/nodes/edge");
  assert.match(lost.stderr, /zss project activate/);
  assert.doesNotMatch(lost.stderr, /acheron/);
  const unbound = await alice("node", "service-get", "edge");
  assert.doesNotMatch(unbound.stderr, /acheron|session_attach/);

  const listed = await alice("fs", "ls", "/nodes/edge/fs/work", "--project", "proj-1", "-o", "name");
  assert.deepEqual([listed.code, listed.stdout], [0, "note.txt\n"], listed.stderr);
  const copied = await alice("fs", "cp", ":/nodes/edge/fs/work/note.txt", "copy.txt", "--project", "proj-1");
  assert.equal(copied.code, 0, copied.stderr);
  const invoked = await alice("node", "service-runtime", "edge", "echo", "invoke", '{"a":1}', "--project", "proj-1");
  assert.equal(invoked.code, 0, invoked.stderr);
  const missing = await alice("fs", "ls", "/nodes/elsewhere", "--project", "proj-1");
  assert.deepEqual([missing.code, /enoent/.test(missing.stderr)], [1, true], missing.stderr);

  const activated = await alice("project", "activate", "proj-1");
  assert.equal(activated.code, 0, activated.stderr);
  const usual = await alice("fs", "ls", "/nodes/edge/fs/work", "-o", "name");
  assert.deepEqual([usual.code, usual.stdout], [0, "note.txt\n"], usual.stderr);

  const shallow = await scene.client("fs", "mkdir", "/nodes/edge/fs/work/a/b");
  assert.match(shallow.stderr, /Cannot make ".*\/a\/b": .*\n {2}hint: add -p/);
  assert.equal((await scene.client("fs", "mkdir", "-p", "/nodes/edge/fs/work/a/b")).code, 0);
});
