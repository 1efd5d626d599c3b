import assert from "node:assert/strict";
import { ManualClock } from "../../drivers/process/mod.ts";
import { FileServer } from "../../runtime/namespace/file_server.ts";
import { SyntheticTree } from "../../runtime/namespace/synthetic_tree.ts";
import { Errno, FsError } from "../protocol/fs.ts";
import { fsDirectoryInvalidationFrame, fsErrorFrame, fsReplyFrame, parseFsFrame } from "../protocol/fs_frames.ts";
import type { FsNews } from "../protocol/fs_replies.ts";
import { FsClient } from "./fs_client.ts";
import type { TextSocket } from "./text_socket.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const HELLO = {
  protocol: "unified-v2-fs",
  proto: 2,
  node: { name: "desk", os: "linux", ver: "1" },
  caps: { max_read: 4, max_write: 4 },
};

/** The client's end of a transport in memory. What it sends arrives in a later turn, as on a socket. */
class MemoryTransport implements TextSocket {
  readonly sent: string[] = [];
  closed = false;
  readonly #receive: (text: string) => void;
  #onText: (text: string) => void = () => {};
  #onClose: (reason: string) => void = () => {};

  /** @param receive Takes what the client sends. */
  constructor(receive: (text: string, transport: MemoryTransport) => void) {
    this.#receive = (text) => receive(text, this);
  }

  send(text: string): void {
    this.sent.push(text);
    queueMicrotask(() => this.#receive(text));
  }

  pause(): void {}

  resume(): void {}

  /** Gives a frame to the client. */
  deliver(text: string): void {
    this.#onText(text);
  }

  /** Ends the transport from the other side. */
  break(reason: string): void {
    this.#onClose(reason);
  }

  onText(listener: (text: string) => void): void {
    this.#onText = listener;
  }

  onClose(listener: (reason: string) => void): void {
    this.#onClose = listener;
  }

  close(): void {
    this.closed = true;
  }
}

/** A service whose `control/reset` keeps what is written. */
function exampleTree(): SyntheticTree {
  const tree = new SyntheticTree(
    { name: "svc-echo", read_only: false, description: "echo", source_kind: "namespace", source_id: "service:echo" },
    { uid: 1, gid: 2 },
  );
  tree.addFile(tree.rootDirectory, "README.md", bytesOf("hello ✓"));
  tree.addFile(tree.rootDirectory, "big", new Uint8Array(2_500_000).map((_, index) => index % 251));
  const control = tree.addDirectory(tree.rootDirectory, "control", 0o755);
  const reset = tree.addFile(control, "reset", new Uint8Array(), {
    open: () => ({
      write(offset, bytes) {
        const content = new Uint8Array(Math.max(reset.content.length, offset + bytes.length));
        content.set(reset.content);
        content.set(bytes, offset);
        tree.emit([tree.replace(reset, content)]);
        return Promise.resolve({ n: bytes.length, call_id: "call-1" });
      },
      close() {},
    }),
    truncate(size) {
      tree.emit([tree.replace(reset, reset.content.slice(0, size), "all")]);
    },
  });
  for (let i = 0; i < 3_000; i++) tree.addFile(control, `z${`${i}`.padStart(4, "0")}`, new Uint8Array());
  return tree;
}

/** A client and a server that are wired to each other. */
async function wired(): Promise<{ client: FsClient; transport: MemoryTransport; clock: ManualClock }> {
  const server = new FileServer({ name: "desk", os: "linux", version: "1" });
  server.setTrees([exampleTree()]);
  const transport = new MemoryTransport((text) => void connection.handle(text));
  const connection = server.connect((frame) => queueMicrotask(() => transport.deliver(frame)));
  const clock = new ManualClock();
  return { client: await FsClient.over(transport, { clock }), transport, clock };
}

/** A client whose requests, after the hello, go where the test says. */
async function scripted(
  answer: (operation: string, tag: number, transport: MemoryTransport) => void,
): Promise<{ client: FsClient; transport: MemoryTransport; clock: ManualClock }> {
  const clock = new ManualClock();
  const transport = new MemoryTransport((text, own) => {
    const { type, tag = 0 } = parseFsFrame(text);
    const operation = type.replace("acheron.t_", "");
    if (operation === "fs_hello") own.deliver(fsReplyFrame(operation, tag, HELLO));
    else answer(operation, tag, own);
  });
  return { client: await FsClient.over(transport, { clock, timeoutMs: 2_000 }), transport, clock };
}

Deno.test("FsClient finds, reads, lists and writes what a FileServer serves", async () => {
  const { client, clock } = await wired();
  const [served] = await client.exports();
  assert.equal(served?.name, "svc-echo");
  const readme = await client.stat("/svc-echo/README.md");
  assert.deepEqual([readme.k, readme.sz, readme.u, readme.g], [1, 9, 1, 2]);
  assert.equal(textOf(await client.read(readme.id)), "hello ✓");
  const control = await client.stat("svc-echo//control/");
  const entries = await client.list(control.id);
  assert.equal(entries.length, 3_001);
  assert.deepEqual(entries.slice(0, 2).map((entry) => entry.name), ["reset", "z0000"]);
  const reset = await client.walk("svc-echo", ["control", "reset"]);
  assert.equal(entries[0]?.attributes.id, reset);
  assert.deepEqual(await client.write(reset, bytesOf("{}")), { n: 2, call_id: "call-1" });
  assert.equal(textOf(await client.read(reset)), "{}");
  assert.equal((await client.numbers(reset)).bsize, 4096);
  assert.equal((await client.hello()).node.name, "desk");
  client.close();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("FsClient reads and writes in pieces what is longer than the node takes at once", async () => {
  const { client, transport } = await wired();
  const big = await client.read(await client.walk("svc-echo", ["big"]));
  assert.equal(big.length, 2_500_000);
  assert(big.every((byte, index) => byte === index % 251));
  const reset = await client.walk("svc-echo", ["control", "reset"]);
  transport.sent.length = 0;
  await client.write(reset, big);
  assert.equal(transport.sent.filter((text) => text.includes("t_fs_write")).length, 3);
  assert.deepEqual(await client.read(reset), big);
  client.close();
});

Deno.test("FsClient writes once, also nothing, so that a trigger file is triggered", async () => {
  const { client, transport } = await wired();
  const reset = await client.walk("svc-echo", ["control", "reset"]);
  transport.sent.length = 0;
  assert.equal((await client.write(reset, new Uint8Array())).n, 0);
  assert.deepEqual(transport.sent.map((text) => parseFsFrame(text).type.replace("acheron.t_fs_", "")), [
    "truncate",
    "open",
    "write",
    "close",
  ]);
  client.close();
});

Deno.test("FsClient does not take a part of a write for all of it, nor more than was asked for", async () => {
  const { client, transport } = await scripted((operation, tag, own) => {
    const replies: Record<string, object> = {
      fs_open: { h: 3 },
      fs_write: { n: 3 },
      fs_read: { data_b64: bytesOf("hello").toBase64(), eof: true },
    };
    own.deliver(fsReplyFrame(operation, tag, replies[operation] ?? {}));
  });
  const short = { errno: Errno.EIO, message: "short write: 3 of 4 bytes were taken" };
  await assert.rejects(client.write(9n, bytesOf("0123456789")), short);
  assert.match(transport.sent.at(-1) ?? "", /t_fs_close/);
  assert.equal((await client.write(9n, bytesOf("012"))).n, 3);
  const file = await client.openFile(9n, "read_write");
  assert.equal((await file.write(0, bytesOf("0123"))).n, 3);
  const long = { errno: Errno.EIO, message: /^InvalidReply: write told of 3 bytes instead of 2$/ };
  await assert.rejects(file.write(0, bytesOf("01")), long);
  await assert.rejects(client.write(9n, bytesOf("01")), long);
  const read = { errno: Errno.EIO, message: /^InvalidReply: read told of 5 bytes instead of \d$/ };
  await assert.rejects(file.read(0, 100), read);
  await assert.rejects(file.read(0, 2), read);
  await assert.rejects(client.read(9n), read);
  client.close();
});

Deno.test("FsClient closes a file of which the caller wants no more", async () => {
  const { client, transport } = await wired();
  for await (const chunk of client.chunks(await client.walk("svc-echo", ["big"]))) {
    assert.equal(chunk.length, 1_048_576);
    break;
  }
  assert.match(transport.sent.at(-1) ?? "", /t_fs_close/);
  client.close();
});

Deno.test("FsClient throws what the node refuses with", async () => {
  const { client } = await wired();
  const root = (await client.exports())[0]?.root ?? 0n;
  const refusals: readonly [Promise<unknown>, Errno, RegExp][] = [
    [client.walk("svc-other", []), Errno.ENOENT, /^file not found: the node serves no "svc-other"$/],
    [client.walk("svc-echo", ["nothing"]), Errno.ENOENT, /^file not found$/],
    [client.stat("/svc-echo/../etc"), Errno.EINVAL, /^invalid child name$/],
    [client.stat("/"), Errno.EINVAL, /^invalid argument/],
    [client.read(root), Errno.EISDIR, /^is a directory$/],
    [client.list(await client.walk("svc-echo", ["README.md"])), Errno.ENOTDIR, /^not a directory$/],
    [client.write(await client.walk("svc-echo", ["README.md"]), bytesOf("x")), Errno.EROFS, /^export is read-only$/],
    [client.attributes(7n), Errno.ENOENT, /^file not found$/],
  ];
  for (const [action, errno, message] of refusals) {
    await assert.rejects(action, (error) => {
      assert(error instanceof FsError, String(error));
      assert.equal(error.errno, errno);
      assert.match(error.message, message);
      return true;
    });
  }
  client.close();
});

Deno.test("FsClient tells of changes until the listener has enough", async () => {
  const { client } = await wired();
  const heard: FsNews[] = [];
  const stop = client.onNews((news) => heard.push(news));
  const reset = await client.walk("svc-echo", ["control", "reset"]);
  await client.write(reset, bytesOf("{}"));
  assert.deepEqual(heard, [{ node: reset, what: "all" }, { node: reset, what: "data" }]);
  stop();
  await client.write(reset, bytesOf("{}"));
  assert.equal(heard.length, 2);
  client.close();
});

Deno.test("FsClient gives up a request that is not answered in time, and takes its late answer as nothing", async () => {
  const waiting: number[] = [];
  const { client, transport, clock } = await scripted((_operation, tag) => waiting.push(tag));
  const asking = client.exports();
  await Promise.resolve();
  clock.advance(2_000);
  await assert.rejects(asking, { code: "timeout", message: "Cannot run fs_exports: no answer within 2 s" });
  transport.deliver(fsReplyFrame("fs_exports", waiting[0], { exports: [] }));
  const again = client.exports();
  await Promise.resolve();
  transport.deliver(fsReplyFrame("fs_exports", waiting[1], { exports: [] }));
  assert.deepEqual(await again, []);
  assert.equal(clock.pendingTimers, 0);
  client.close();
});

Deno.test("FsClient matches answers to requests by their tags, in any order", async () => {
  const tags: number[] = [];
  const { client, transport } = await scripted((_operation, tag) => tags.push(tag));
  const asking = Promise.all([client.attributes(1n), client.attributes(2n)]);
  await Promise.resolve();
  for (const tag of tags.reverse()) {
    transport.deliver(fsReplyFrame("fs_getattr", tag, { attr: { id: tag, k: 1 } }));
  }
  const [first, second] = await asking;
  assert.deepEqual([first.id, second.id].map(Number), tags.reverse());
  client.close();
});

Deno.test("FsClient refuses what is under way, and all that follows, when the connection ends", async () => {
  const { client, transport, clock } = await scripted(() => {});
  const asking = client.exports();
  transport.break("code 1006");
  await assert.rejects(asking, { code: "connection_lost", message: /code 1006/ });
  await assert.rejects(client.exports(), { code: "connection_lost" });
  assert.equal(clock.pendingTimers, 0);
  const other = await scripted(() => {});
  const cut = other.client.exports();
  other.client.close();
  other.client.close();
  await assert.rejects(cut, { code: "connection_lost", message: "Cannot go on: the connection was closed" });
  assert(other.transport.closed);
});

Deno.test("FsClient ends the connection at a frame that breaks the protocol, or a refusal of no request", async () => {
  const frames: readonly [string, Errno, RegExp][] = [
    ["{", Errno.EIO, /^InvalidReply/],
    [fsErrorFrame(undefined, new FsError(Errno.EACCES, "NodeAuthFailed")), Errno.EACCES, /^NodeAuthFailed$/],
  ];
  for (const [frame, errno, message] of frames) {
    const { client, transport } = await scripted((_operation, _tag, own) => own.deliver(frame));
    await assert.rejects(client.exports(), (error) => {
      assert(error instanceof FsError && error.errno === errno, String(error));
      return message.test(error.message);
    });
    assert(transport.closed);
  }
});

Deno.test("FsClient passes over news and answers that it does not know", async () => {
  const { client } = await scripted((operation, tag, own) => {
    own.deliver('{"channel":"acheron","type":"acheron.e_fs_later","payload":{}}');
    own.deliver(fsDirectoryInvalidationFrame(1n));
    own.deliver(fsReplyFrame("fs_read", 4_000, {}));
    own.deliver(fsReplyFrame(operation, tag, { exports: [{ name: "work", root: 9, colour: "red" }] }));
  });
  assert.deepEqual((await client.exports()).map(({ name, root }) => [name, root]), [["work", 9n]]);
  client.close();
});

Deno.test("FsClient.over() closes the transport when the hello is refused", async () => {
  const transport = new MemoryTransport((text, own) => {
    assert.deepEqual(parseFsFrame(text).payload, {
      protocol: "unified-v2-fs",
      proto: 2,
      auth_token: "fs-1",
      subscribe_invalidations: true,
    });
    own.deliver(fsErrorFrame(1, new FsError(Errno.EIO, "node tunnel is unavailable")));
  });
  const opening = FsClient.over(transport, { clock: new ManualClock(), subscribe: true, authToken: "fs-1" });
  await assert.rejects(opening, { errno: Errno.EIO, message: "node tunnel is unavailable" });
  assert(transport.closed);
});
