import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { copyAll } from "../../cli/fs/copy.ts";
import { localSide, type Side, treeSide } from "../../cli/fs/sides.ts";
import { fsRequestFrame, ZssError } from "../../control/protocol/mod.ts";
import { openSocket } from "../../control/client/mod.ts";
import { CuttingProxy } from "./cutting_proxy.ts";
import { TreeScene } from "./tree_scene.ts";

const BYTES = 10_000_000;
const listener = { begin() {}, progress() {}, end() {} };

for (const direction of ["from", "to"] as const) {
  Deno.test(`zss fs cp ${direction} a node fails cleanly or completes wherever its tunnel is cut`, async () => {
    await using scene = await TreeScene.open();
    await using proxy = await CuttingProxy.open(scene.url);
    const node = await scene.startNode("edge", [], "rw", proxy.url);
    await proxy.opened;
    await using tree = await scene.tree();
    const content = new Uint8Array(BYTES).map((_, at) => at * 31 + (at >> 11));
    const local = join(scene.folder, "local");
    const remote = join(node.work, "remote");
    const there = { side: treeSide(tree), path: `/nodes/${node.node_id}/fs/work/remote` };
    const here: { readonly side: Side; readonly path: string } = { side: localSide, path: local };
    const [source, target, sourceFile, targetFile] = direction === "from"
      ? [there, here, remote, local] as const
      : [here, there, local, remote] as const;
    await writeFile(sourceFile, content);
    const outcomes = { failed: 0, completed: 0 };
    for (let frames = 0;; frames++) {
      await rm(targetFile, { force: true });
      proxy.cutAfter(frames);
      const error = await copyAll([source], target, false, listener).then(() => undefined, (error) => error);
      if (error === undefined) {
        assert.ok((await readFile(targetFile)).equals(content), `cut after ${frames} frames: it is not the same file`);
        outcomes.completed++;
      } else {
        assert.ok(error instanceof ZssError, `cut after ${frames} frames: ${error}`);
        if (direction === "from") await assert.rejects(readFile(local), { code: "ENOENT" });
        outcomes.failed++;
      }
      if (!proxy.isCut) {
        assert.equal(error, undefined, `not cut, after ${frames} frames`);
        break;
      }
      await proxy.opened;
    }
    // Ten pieces, each asked for and answered.
    assert.ok(outcomes.failed >= 20, `cut only ${outcomes.failed} times`);
    assert.ok(outcomes.completed >= 1, "it never completed");
  });
}

Deno.test("a node that does not answer delays no reads of another node on the same connection", async () => {
  await using scene = await TreeScene.open();
  const node = await scene.startNode("edge");
  await writeFile(join(node.work, "a.txt"), "hello");
  const { node_id, node_secret, publish } = await scene.join();
  await publish([{
    ...{ service_id: "svc", kind: "tool", state: "online", endpoints: [`/nodes/${node_id}/svc`] },
    mounts: [{ mount_id: "svc", mount_path: "/nodes/{node_id}/svc" }],
  }]);
  const socket = await openSocket({ url: `${scene.url}/v2/node` });
  let heard = 0;
  const open = new Promise<void>((resolve) => socket.onText(() => heard++ === 0 && resolve()));
  socket.send(fsRequestFrame("fs_hello", 1, {}, { protocol: "unified-v2-fs", proto: 2, node_id, node_secret }));
  await open;
  await using tree = await scene.tree();
  let answered = 0;
  // More than go to a node at once, so that some wait at the server too.
  const waiting = Array.from({ length: 300 }, (_, at) => {
    const path = `/nodes/${node_id}/svc/file-${at}`;
    const asked: Promise<unknown> = at % 2 === 0 ? tree.stat(path) : tree.read(path);
    return asked.then(() => answered++, () => answered++);
  });
  for (let at = 0; at < 20; at++) {
    assert.equal(await tree.readText(`/nodes/${node.node_id}/fs/work/a.txt`), "hello");
    assert.equal((await tree.stat(`/nodes/${node.node_id}/fs/work/a.txt`)).size, 5);
  }
  assert.ok(heard > 1, "the silent node was asked");
  assert.equal(answered, 0);
  socket.close();
  await Promise.all(waiting);
});
