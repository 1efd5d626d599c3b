/**
 * The files of a node through its tunnel, beside a WebSocket that does nothing
 * but answer.
 *
 * Server, node and the bare WebSocket are processes of their own; so is whoever
 * measures. `files_read` reads a file of 10 MB from an export, `files_stat` asks
 * for the attributes of one file again and again, `files_beside_slow` does the
 * same while another node does not answer at all.
 *
 * @module
 */

import { fsRequestFrame } from "../control/protocol/mod.ts";
import { CALLS, echoed, FILE_BYTES, FileStage, middle } from "./file_stage.ts";
import type { Bench, Field } from "./harness.ts";

/** As much as one read of the file protocol carries, so that both sides send as many frames. */
const PIECE_BYTES = 1_048_576;

let stage: FileStage | undefined;

async function cleanUp(): Promise<void> {
  await stage?.end();
  stage = undefined;
}

/** How many bytes of a file a second come through the tunnel. */
const filesRead: Bench = {
  name: "files_read",
  unit: "/s",
  rounds: 7,
  cleanUp,
  async prepare(): Promise<Field> {
    stage = new FileStage();
    await stage.startServer();
    const client = await stage.files(await stage.startNode());
    const node = await client.walk("work", ["big"]);
    const echo = await stage.startEcho();
    const piece = "x".repeat(PIECE_BYTES);
    const perSecond = (start: number) => FILE_BYTES / ((performance.now() - start) / 1_000);
    return {
      peer: "WebSocket echo",
      contenders: [{
        name: "WebSocket echo",
        async measure() {
          const start = performance.now();
          for (let sent = 0; sent < FILE_BYTES; sent += PIECE_BYTES) {
            await echoed(echo, FILE_BYTES - sent < PIECE_BYTES ? piece.slice(0, FILE_BYTES - sent) : piece);
          }
          return perSecond(start);
        },
      }, {
        name: "zss tunnel",
        async measure() {
          const start = performance.now();
          const { length } = await client.read(node);
          if (length !== FILE_BYTES) throw new Error(`Cannot measure: ${length} of ${FILE_BYTES} bytes came`);
          return perSecond(start);
        },
      }],
      notes: ["bytes a second, 10 MB in frames of 1 MiB, one after the other; wanted: 0.15x, aimed at: 0.3x"],
    };
  },
};

/** How long the attributes of a file take. */
const filesStat: Bench = {
  name: "files_stat",
  unit: "ms",
  rounds: 5,
  cleanUp,
  async prepare(): Promise<Field> {
    stage = new FileStage();
    await stage.startServer();
    const client = await stage.files(await stage.startNode());
    const node = await client.walk("work", ["small"]);
    const echo = await stage.startEcho();
    const text = fsRequestFrame("fs_getattr", 1, { node }, {});
    return {
      peer: "WebSocket round trip",
      contenders: [
        { name: "WebSocket round trip", measure: () => middle(() => echoed(echo, text)) },
        { name: "zss tunnel", measure: () => middle(() => client.attributes(node)) },
      ],
      notes: [`the median of ${CALLS} in a row, one after the other; wanted: 4x at most`],
    };
  },
};

/** The same while another node answers nothing to a client that keeps asking. */
const filesBesideSlow: Bench = {
  name: "files_beside_slow",
  unit: "ms",
  rounds: 5,
  cleanUp,
  async prepare(): Promise<Field> {
    stage = new FileStage();
    await stage.startServer();
    const client = await stage.files(await stage.startNode());
    const node = await client.walk("work", ["small"]);
    const slow = await stage.startSilentNode();
    const crowd = await Promise.all(Array.from({ length: 8 }, () => stage?.rawFiles(slow)));
    const hello = fsRequestFrame("fs_hello", 1, {}, { protocol: "unified-v2-fs", proto: 2 });
    let tag = 1;
    return {
      peer: "alone",
      contenders: [
        { name: "alone", measure: () => middle(() => client.attributes(node)) },
        {
          name: "beside a node that is silent",
          async measure() {
            for (const socket of crowd) {
              if (tag === 1) socket?.send(hello);
              for (let at = 0; at < 64; at++) socket?.send(fsRequestFrame("fs_getattr", ++tag, { node: 1n }, {}));
            }
            return await middle(() => client.attributes(node));
          },
        },
      ],
      notes: ["eight clients have asked the silent node 64 times each before every round"],
    };
  },
};

/** The benches of the file protocol. */
export const files: readonly Bench[] = [filesRead, filesStat, filesBesideSlow];
