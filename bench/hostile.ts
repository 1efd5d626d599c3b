/**
 * What those who are not let in can cause: whether a refusal takes as long for a
 * node that does not exist as for a wrong secret, and how long the largest frame
 * that anybody may send holds up everybody else.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { addNode, authenticateNode, nextNodeId } from "../control/pairing/nodes.ts";
import { parseEnvelope } from "../control/protocol/envelope.ts";
import { memoryStore } from "../control/store/memory.ts";
import type { Bench, Contender } from "./harness.ts";

const REPEATS = 20_000;
const FRAME_BYTES = 1024 * 1024;

/** Refusals of a node; the ratio should be 1. */
export const refusedNodes: Bench = {
  name: "refused_nodes",
  unit: "ms",
  rounds: 9,
  async prepare() {
    const store = memoryStore({ epoch: "bench" });
    const join = { node_name: undefined, fs_url: undefined, lease_ttl_ms: 900_000 };
    for (let index = 0; index < 1000; index++) {
      await store.transact((tx) => addNode(tx, nextNodeId(tx), join, randomBytes, 0));
    }
    const secret = `secret-${randomBytes(16).toString("hex")}`;
    const peer = "a wrong secret";
    return {
      peer,
      contenders: [
        timed(peer, (index) => authenticateNode(store, `node-${1 + index % 1000}`, secret)),
        timed("a node that does not exist", (index) => authenticateNode(store, `none-${1 + index % 1000}`, secret)),
      ],
      notes: [`${REPEATS} refusals`],
    };
  },
};

/** Frames of 1 MiB that are made to take long, beside one of the same size that is as it should be. */
export const hostileFrames: Bench = {
  name: "hostile_frames",
  unit: "ms",
  rounds: 9,
  prepare() {
    const peer = "JSON.parse of a harmless frame";
    const harmless = frame(`"${"x".repeat(FRAME_BYTES - 100)}"`);
    const objects = `{${Array.from({ length: 60_000 }, (_, at) => `"k${at}":{}`).join()}}`;
    const frames: readonly (readonly [string, string])[] = [
      ["a harmless frame", harmless],
      ["a frame of one long list", frame(`[${"1,".repeat(FRAME_BYTES / 2 - 100)}1]`)],
      ["a frame of brackets", frame("[".repeat(FRAME_BYTES - 100))],
      ["a frame of many keys", frame(objects)],
      ["a frame with a key twice at its end", frame(`{"a":[${"1,".repeat(FRAME_BYTES / 2 - 200)}1],"a":1}`)],
      ["a frame of escapes", frame(`"${"\\\\".repeat(FRAME_BYTES / 2 - 100)}"`)],
      ["a frame of long numbers", frame(`[${"12345678901234567890,".repeat(FRAME_BYTES / 21 - 100)}1]`)],
    ];
    return Promise.resolve({
      peer,
      contenders: [
        once(peer, () => JSON.parse(harmless)),
        ...frames.map(([name, text]) => once(name, () => parseEnvelope(text))),
      ],
      notes: ["each is one frame: so long nobody else is served"],
    });
  },
};

function frame(payload: string): string {
  return `{"channel":"control","type":"control.ping","id":"p","payload":${payload}}`;
}

function once(name: string, read: () => unknown): Contender {
  return timedWork(name, () => attempt(read));
}

function timed(name: string, refuse: (index: number) => unknown): Contender {
  return timedWork(name, () => {
    for (let index = 0; index < REPEATS; index++) attempt(() => refuse(index));
  });
}

function attempt(work: () => unknown): void {
  try {
    work();
  } catch {
    // A refusal is what is measured.
  }
}

function timedWork(name: string, work: () => void): Contender {
  return {
    name,
    measure() {
      const start = performance.now();
      work();
      return Promise.resolve(performance.now() - start);
    },
  };
}
