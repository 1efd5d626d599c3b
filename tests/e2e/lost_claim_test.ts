/**
 * A node that was let in, and whose connection broke before it had read so.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { Scene } from "./program.ts";

/** Passes connections on to a server, and cuts the first one that would bring credentials. */
class Cutter implements AsyncDisposable {
  cuts = 0;
  readonly #server: Server;

  private constructor(port: number) {
    this.#server = createServer((client) => {
      const server = connect(port, "127.0.0.1");
      const end = () => {
        client.destroy();
        server.destroy();
      };
      for (const socket of [client, server]) socket.on("error", end).on("close", end);
      client.on("data", (bytes) => void server.write(bytes));
      server.on("data", (bytes) => {
        if (this.cuts > 0 || !bytes.toString("latin1").includes('"status":"approved"')) return void client.write(bytes);
        this.cuts++;
        end();
      });
    });
  }

  static async before(port: number): Promise<{ readonly cutter: Cutter; readonly port: number }> {
    const cutter = new Cutter(port);
    await new Promise<void>((resolve) => cutter.#server.listen(0, "127.0.0.1", resolve));
    const address = cutter.#server.address();
    return { cutter, port: typeof address === "object" ? address?.port ?? 0 : 0 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

Deno.test("zss node run comes in although the answer that let it in was lost, and nobody approves it again", async () => {
  await using scene = await Scene.open();
  const { cutter, port } = await Cutter.before(Number(new URL(scene.url).port));
  const node = scene.start([
    ...["node", "run", "--control-url", `ws://127.0.0.1:${port}`, "--pair-mode", "request", "--node-name", "edge"],
    ...["--state-file", join(scene.folder, "state.json"), "--reconnect-backoff-ms", "50", "--label", "site=hq"],
  ]);
  const [, request = ""] = await node.printed(/asks to join as (\S+),/);
  assert.equal((await scene.client("node", "approve", request)).code, 0);
  await node.printed(/zss node online/);
  assert.equal(cutter.cuts, 1);
  assert.equal(JSON.parse((await scene.client("node", "list", "--json")).stdout).nodes.length, 1);
  const audit = await readFile(join(scene.folder, "data", "audit.ndjson"), "utf8");
  assert.equal(audit.split("\n").filter((line) => line.includes("node_join_claim")).length, 2);
  await node.end("SIGTERM");
  await cutter[Symbol.asyncDispose]();
});
