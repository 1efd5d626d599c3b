import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Scene } from "./program.ts";

/** Answers each line with the number of the process and what it got. */
const PERSISTENT = `while IFS= read -r line; do
  id=\${line#*:\\"}; id=\${id%%\\"*}
  printf '{"call_id":"%s","ok":true,"result":{"pid":%s}}\\n' "$id" $$
done`;

Deno.test("zss node service-runtime invokes waiting processes and a persistent one", async () => {
  await using scene = await Scene.open();
  const dir = join(scene.folder, "services.d");
  await mkdir(dir, { recursive: true });
  const services = {
    warm: { pool: 2, args: ["-c", `cat >/dev/null; printf '{"pid":%s}' $$`] },
    steady: { mode: "persistent", args: ["-c", PERSISTENT] },
  };
  await Promise.all(
    Object.entries(services).map(([service_id, more]) => {
      const runtime = { type: "native_proc", executable_path: "sh", ...more };
      return writeFile(join(dir, `${service_id}.json`), JSON.stringify({ service_id, kind: "test", runtime }));
    }),
  );
  const node = await scene.startNode("--services-dir", dir);
  await node.printed(/zss node online: 3 services/);
  const pids = async (service: string) => {
    const found: number[] = [];
    for (let times = 0; times < 2; times++) {
      const command = ["node", "service-runtime", "node-1", service, "invoke", "{}", "--json"];
      const { code, stdout, stderr } = await scene.client(...command);
      assert.equal(code, 0, stderr);
      found.push(Number(/"pid": ?(\d+)/.exec(stdout)?.[1]));
    }
    return found;
  };
  assert.equal(new Set(await pids("warm")).size, 2);
  assert.equal(new Set(await pids("steady")).size, 1);
});
