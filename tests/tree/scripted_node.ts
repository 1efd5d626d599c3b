/**
 * A node of a scene whose answers a test writes.
 *
 * @module
 */

import { openSocket, type TextSocket } from "../../control/client/mod.ts";
import { type FsFrame, fsReplyFrame, fsRequestFrame, parseFsFrame } from "../../control/protocol/mod.ts";
import type { TreeScene } from "./tree_scene.ts";

/** What is answered to a request; `undefined` leaves it to the node, `"nothing"` leaves it unanswered. */
export type Script = (operation: string, frame: FsFrame) => object | "nothing" | undefined;

/** Its export `work` has a directory under every name that begins with a `d`, and a file under every other. */
export class ScriptedNode implements Disposable {
  readonly node_id: string;
  /** Operations of all requests so far, for example `lookup`. */
  readonly asked: string[] = [];
  readonly #socket: TextSocket;
  #lastHandle = 0;

  private constructor(node_id: string, socket: TextSocket) {
    this.node_id = node_id;
    this.#socket = socket;
  }

  static async join(scene: TreeScene, script: Script = () => undefined): Promise<ScriptedNode> {
    const { node_id, node_secret } = await scene.join([
      { service_id: "fs", kind: "fs", state: "online", endpoints: ["/nodes/node-1/fs"] },
    ]);
    const socket = await openSocket({ url: `${scene.url}/v2/node` });
    const node = new ScriptedNode(node_id, socket);
    const ready = Promise.withResolvers<void>();
    socket.onText((text) => {
      const frame = parseFsFrame(text);
      if (frame.type === "acheron.r_fs_hello") return ready.resolve();
      const operation = frame.type.slice("acheron.t_fs_".length);
      node.asked.push(operation);
      const answer = script(operation, frame) ?? node.#usual(operation, frame);
      if (answer !== "nothing") socket.send(fsReplyFrame(`fs_${operation}`, frame.tag, answer));
    });
    socket.send(fsRequestFrame("fs_hello", 1, {}, { protocol: "unified-v2-fs", proto: 2, node_id, node_secret }));
    await ready.promise;
    return node;
  }

  #usual(operation: string, { members, payload }: FsFrame): object {
    const name = String(Object(payload)["name"]);
    switch (operation) {
      case "exports":
        return { exports: [{ name: "work", root: 1 }] };
      case "lookup":
        return { attr: name.startsWith("d") ? { id: 2, k: 2 } : { id: 3, k: 1 } };
      case "getattr":
        return { attr: { id: members["node"], k: members["node"] === 3 ? 1 : 2 } };
      case "open":
        return { h: ++this.#lastHandle };
      case "read":
        return { data_b64: "", eof: true };
      default:
        return {};
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
