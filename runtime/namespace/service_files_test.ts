import assert from "node:assert/strict";
import { Errno, FsError } from "../../control/protocol/fs.ts";
import { createServiceFiles, type ServiceFilesOptions } from "./service_files.ts";
import type {
  FirstDocuments,
  InvokeAnswer,
  OperatorOp,
  PayloadFile,
  ServiceControl,
  WrittenDocument,
} from "./service_port.ts";
import type { TreeChange } from "./tree.ts";

const FIRST: FirstDocuments = {
  "README.md": "help",
  "SCHEMA.json": '{"a":1}',
  "TEMPLATE.json": "{}",
  "HOST.json": "{}",
  "result.json": '{"state":"idle"}',
  "last_error.txt": "",
  "status.json": '{"state":"idle"}',
  "metrics.json": "{}",
  "health.json": "{}",
};

/** A service that only notes what reaches it. */
class NotingControl implements ServiceControl {
  readonly invokes: string[] = [];
  readonly operations: OperatorOp[] = [];
  readonly configs: string[] = [];
  readonly abandoned: string[] = [];
  refusal: FsError | undefined;

  invoke({ content }: WrittenDocument): Promise<InvokeAnswer> {
    this.invokes.push(text(content));
    return this.refusal === undefined ? Promise.resolve({ call_id: "c-1" }) : Promise.reject(this.refusal);
  }

  operate(op: OperatorOp): void {
    this.operations.push(op);
  }

  refusalFor(): undefined {}

  configure({ content }: WrittenDocument): void {
    this.configs.push(text(content));
    if (this.refusal !== undefined) throw this.refusal;
  }

  abandon(file: PayloadFile, length: number): FsError {
    this.abandoned.push(`${file} ${length}`);
    return new FsError(Errno.EINVAL, "service invoke payload invalid: too short");
  }
}

function serviceFiles(options?: ServiceFilesOptions) {
  const control = new NotingControl();
  const identity = { name: "svc-echo", description: "namespace service echo", source_id: "service:echo" };
  const files = createServiceFiles(identity, FIRST, control, options);
  const changes: TreeChange[] = [];
  files.tree.onChange((change) => changes.push(change));
  const { tree } = files;
  const find = async (path: string) => {
    let found = await tree.attributes(tree.root);
    for (const name of path.split("/")) found = await tree.lookup(found.id, name);
    return found;
  };
  const read = async (path: string) => {
    const file = await tree.open((await find(path)).id, "read");
    return text((await file.read(0, 1_000)).bytes);
  };
  const write = async (path: string, content: string, offset = 0) =>
    await (await tree.open((await find(path)).id, "write")).write(offset, bytes(content));
  const open = async (path: string) => await tree.open((await find(path)).id, "write");
  return { files, tree, control, changes, find, read, write, open };
}

function refuses(errno: number, message: string): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof FsError && thrown.errno === errno && thrown.message.startsWith(message);
}

function bytes(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

function text(content: Uint8Array): string {
  return new TextDecoder().decode(content);
}

Deno.test("createServiceFiles() lays out the files of the reference and calls, sorted by bytes", async () => {
  const { tree, find } = serviceFiles();
  assert.deepEqual((await tree.list(tree.root)).map(({ name }) => name), [
    "HOST.json",
    "README.md",
    "SCHEMA.json",
    "TEMPLATE.json",
    "calls",
    "config.json",
    "control",
    "health.json",
    "last_error.txt",
    "metrics.json",
    "result.json",
    "schema.json",
    "status.json",
    "template.json",
  ]);
  const control = await find("control");
  assert.deepEqual((await tree.list(control.id)).map(({ name }) => name), [
    "disable",
    "enable",
    "invoke.json",
    "reset",
    "restart",
  ]);
});

Deno.test("createServiceFiles() gives the modes, sizes, links and first generations of the reference", async () => {
  const { tree, find } = serviceFiles({ owner: { uid: 1000, gid: 100 } });
  assert.equal((await tree.attributes(tree.root)).m, 0o040555);
  const control = await find("control");
  assert.deepEqual([control.k, control.m, control.n, control.sz], [2, 0o040755, 2, 0]);
  const readme = await find("README.md");
  assert.deepEqual({ ...readme, id: 0n, gen: readme.gen - readme.id }, {
    id: 0n,
    k: 1,
    m: 0o100444,
    n: 1,
    u: 1000,
    g: 100,
    sz: 4,
    at: 0n,
    mt: 0n,
    ct: 0n,
    gen: 0n,
  });
  const writable = ["config.json", "control/invoke.json", "control/reset", "control/enable", "control/disable"];
  for (const path of writable) assert.equal((await find(path)).m, 0o100644, path);
});

Deno.test("createServiceFiles() shows schema and template under both names", async () => {
  const { files, read } = serviceFiles();
  assert.equal(await read("schema.json"), '{"a":1}');
  files.update([{ file: "SCHEMA.json", content: '{"b":2}' }]);
  assert.deepEqual([await read("SCHEMA.json"), await read("schema.json")], ['{"b":2}', '{"b":2}']);
});

Deno.test("the files of a service refuse what they do not allow, in the words of the reference", async () => {
  const { tree, find } = serviceFiles();
  const readme = await find("README.md");
  const control = await find("control");
  await assert.rejects(tree.open(readme.id, "write"), refuses(Errno.EROFS, "export is read-only"));
  await assert.rejects(tree.open(readme.id, "read_write"), refuses(Errno.EROFS, "export is read-only"));
  await assert.rejects(tree.truncate(readme.id, 0), refuses(Errno.EROFS, "export is read-only"));
  await assert.rejects(tree.open(control.id, "read"), refuses(Errno.EISDIR, "is a directory"));
  await assert.rejects(tree.truncate(control.id, 0), refuses(Errno.EISDIR, "is a directory"));
  await assert.rejects(tree.list(readme.id), refuses(Errno.ENOTDIR, "not a directory"));
  await assert.rejects(tree.lookup(tree.root, "nothing"), refuses(Errno.ENOENT, "file not found"));
  await assert.rejects(tree.attributes(999n), refuses(Errno.ENOENT, "file not found"));
  const invoke = (await find("control/invoke.json")).id;
  await assert.rejects(
    (await tree.open(invoke, "read")).write(0, bytes("x")),
    refuses(Errno.EBADF, "handle not writable"),
  );
  await assert.rejects((await tree.open(invoke, "write")).read(0, 1), refuses(Errno.EBADF, "handle not readable"));
  await assert.rejects(
    (await tree.open(invoke, "write")).write(1_048_576, bytes("x")),
    refuses(Errno.ENOSPC, "no space left"),
  );
});

Deno.test("the parent of the root is the root", async () => {
  const { tree, find } = serviceFiles();
  assert.equal(tree.parent(tree.root), tree.root);
  assert.equal(tree.parent((await find("control/reset")).id), (await find("control")).id);
});

Deno.test("an open handle reads the content as it is at each read, whole", async () => {
  const { files, tree, find } = serviceFiles();
  const file = await tree.open((await find("status.json")).id, "read");
  files.update([{ file: "status.json", content: "abcdef" }]);
  assert.deepEqual(await file.read(4, 10), { bytes: bytes("ef"), eof: true });
  assert.deepEqual(await file.read(0, 2), { bytes: bytes("ab"), eof: false });
  files.update([{ file: "status.json", content: "xyz" }]);
  assert.deepEqual(await file.read(0, 3), { bytes: bytes("xyz"), eof: true });
});

Deno.test("ServiceFiles.update() changes all files before it tells of the first, in order", async () => {
  const { files, tree, changes, find } = serviceFiles();
  const [status, result] = [await find("status.json"), await find("result.json")];
  const seen: Promise<{ readonly sz: number }>[] = [];
  tree.onChange(() => seen.push(tree.attributes(result.id)));
  files.update([{ file: "status.json", content: "s" }, { file: "result.json", content: "rr" }]);
  assert.deepEqual(changes, [
    { node: status.id, what: "data", generation: status.gen + 1n },
    { node: result.id, what: "data", generation: result.gen + 1n },
  ]);
  assert.deepEqual((await Promise.all(seen)).map(({ sz }) => sz), [2, 2]);
});

Deno.test("a write to a file of an operator is that operation, whatever is written", async () => {
  const { control, write } = serviceFiles();
  for (const op of ["enable", "disable", "reset", "restart"]) await write(`control/${op}`, "");
  assert.deepEqual(control.operations, ["enable", "disable", "reset", "restart"]);
});

Deno.test("each write hands the whole document over, and offset 0 begins a new one", async () => {
  const { control, open } = serviceFiles();
  const file = await open("control/invoke.json");
  assert.deepEqual(await file.write(0, bytes('{"a"')), { n: 4, call_id: "c-1" });
  await file.write(4, bytes(":1}"));
  await file.write(2, new Uint8Array());
  await file.write(0, bytes("{}"));
  await file.write(4, bytes("!"));
  assert.deepEqual(control.invokes, ['{"a"', '{"a":1}', '{"a":1}', "{}", "{}\0\0!"]);
});

Deno.test("handles that write at the same time do not mix their documents", async () => {
  const { control, read, open } = serviceFiles();
  const [one, other] = [await open("control/invoke.json"), await open("control/invoke.json")];
  await one.write(0, bytes('{"one":'));
  await other.write(0, bytes('{"two":'));
  assert.equal(await read("control/invoke.json"), "", "what is not finished nobody else sees");
  await one.write(7, bytes("1}"));
  assert.equal(await read("control/invoke.json"), '{"one":1}');
  await other.write(7, bytes("2}"));
  assert.deepEqual(control.invokes.filter((text) => text.endsWith("}")), ['{"one":1}', '{"two":2}']);
  await Promise.all([one.close(), other.close()]);
  assert.deepEqual(control.abandoned, []);
});

Deno.test("white space behind a document that was handed over hands over nothing, an empty write does again", async () => {
  const { control, read, open } = serviceFiles();
  const file = await open("control/invoke.json");
  await file.write(0, bytes("{}"));
  assert.deepEqual(await file.write(2, bytes("\n")), { n: 1 });
  assert.deepEqual(control.invokes, ["{}"]);
  assert.equal(await read("control/invoke.json"), "{}\n");
  await file.write(3, new Uint8Array());
  await file.write(3, bytes("{}"));
  assert.deepEqual(control.invokes, ["{}", "{}\n", "{}\n{}"]);
});

Deno.test("a close tells whoever leaves a document in the middle, and the next one begins anew", async () => {
  const { control, open, write } = serviceFiles();
  const file = await open("control/invoke.json");
  await file.write(0, bytes('{"a":'));
  await assert.rejects(file.close(), refuses(Errno.EINVAL, "service invoke payload invalid"));
  const config = await open("config.json");
  await config.write(0, bytes("{"));
  await assert.rejects(config.close(), refuses(Errno.EINVAL, "service invoke payload invalid"));
  assert.deepEqual(control.abandoned, ["control/invoke.json 5", "config.json 1"]);
  control.invokes.length = 0;
  await write("control/invoke.json", '{"b":1}');
  assert.deepEqual(control.invokes, ['{"b":1}']);
});

Deno.test("a close says nothing of a blank or refused document, nor of one that another handle wrote", async () => {
  const { control, open, tree, find } = serviceFiles();
  const [blank, refused, begun, idle] = [
    await open("control/invoke.json"),
    await open("control/invoke.json"),
    await open("control/invoke.json"),
    await open("control/invoke.json"),
  ];
  await blank.write(0, bytes(" \n"));
  await refused.write(0, bytes("[1"));
  await begun.write(0, bytes('{"a":'));
  await idle.write(0, new Uint8Array());
  for (const file of [blank, refused, idle]) await file.close();
  const goesOn = await open("control/invoke.json");
  const message = "service invoke payload invalid: it begins at byte 5, and a payload begins at byte 0";
  await assert.rejects(goesOn.write(5, bytes("1}")), refuses(Errno.EINVAL, message));
  await goesOn.close();
  assert.deepEqual(control.abandoned, []);
  await begun.write(5, bytes("1}"));
  await begun.close();
  const cut = await open("control/enable");
  await cut.write(0, bytes("{"));
  await cut.close();
  await tree.truncate((await find("control/invoke.json")).id, 0);
  assert.deepEqual(control.abandoned, []);
});

Deno.test("a handle goes on from what a truncation has left, unless it is in the middle of a document", async () => {
  const { control, open, tree, find } = serviceFiles();
  const [done, begun] = [await open("control/invoke.json"), await open("control/invoke.json")];
  await done.write(0, bytes('{"a":1}'));
  await begun.write(0, bytes('{"b":'));
  await tree.truncate((await find("control/invoke.json")).id, 1);
  await done.write(1, bytes('"c":3}'));
  await begun.write(5, bytes("2}"));
  assert.deepEqual(control.invokes.slice(-2), ['{"c":3}', '{"b":2}']);
});

Deno.test("a document of many pieces is one of all its bytes, and holds no more than 1 MiB", async () => {
  const { control, open } = serviceFiles();
  const file = await open("control/invoke.json");
  const whole = `{"text":"${"é".repeat(524_280)}"}`;
  const content = bytes(whole);
  assert.equal(content.length, 1_048_571);
  for (let at = 0; at < content.length; at += 65_535) await file.write(at, content.subarray(at, at + 65_535));
  assert.equal(control.invokes.at(-1), whole);
  await assert.rejects(file.write(1_048_571, bytes("      ")), refuses(Errno.ENOSPC, "no space left"));
});

Deno.test("the handles of a file keep 16 MiB of what is written through them, and the oldest writer begins anew", async () => {
  const { control, open } = serviceFiles();
  const half = bytes(`{"text":"${"x".repeat(1_000_000)}`);
  const handles = await Promise.all(Array.from({ length: 20 }, () => open("control/invoke.json")));
  for (const handle of handles) await handle.write(0, half);
  const [oldest, ...others] = handles;
  await assert.rejects(
    oldest?.write(half.length, bytes('"}')) ?? Promise.resolve(),
    refuses(Errno.EAGAIN, "would block"),
  );
  assert.equal((await oldest?.write(0, bytes("{}")))?.call_id, "c-1");
  control.invokes.length = 0;
  await others.at(-1)?.write(half.length, bytes('"}'));
  assert.equal(control.invokes[0]?.length, half.length + 2);
  const closed = await Promise.allSettled(handles.map((handle) => handle.close()));
  assert.equal(closed.filter(({ status }) => status === "rejected").length, 18);
  // What was closed makes place again.
  const again = await Promise.all(Array.from({ length: 16 }, () => open("control/invoke.json")));
  for (const handle of again) await handle.write(0, half);
  assert.equal((await again[0]?.write(half.length, bytes('"}')))?.call_id, "c-1");
});

Deno.test("a refused payload stays in invoke.json and truncating hands nothing over", async () => {
  const { tree, control, changes, find, read, write } = serviceFiles();
  control.refusal = new FsError(Errno.EINVAL, "service invoke payload invalid: no");
  await assert.rejects(write("control/invoke.json", "{}"), refuses(Errno.EINVAL, "service invoke payload invalid"));
  assert.equal(await read("control/invoke.json"), "{}");
  const { id, gen } = await find("control/invoke.json");
  changes.length = 0;
  await tree.truncate(id, 0);
  assert.deepEqual(changes, [{ node: id, what: "all", generation: gen + 1n }]);
  assert.equal(control.invokes.length, 1);
});

Deno.test("a refused config.json is a draft that nobody sees", async () => {
  const { control, changes, read, open } = serviceFiles();
  const file = await open("config.json");
  control.refusal = new FsError(Errno.EINVAL, "service invoke payload invalid: no");
  await assert.rejects(file.write(0, bytes('{"a":1')), refuses(Errno.EINVAL, "service invoke payload invalid"));
  assert.deepEqual([await read("config.json"), changes], ["{}", []]);
  control.refusal = undefined;
  await file.write(0, bytes('{"a"'));
  assert.deepEqual(await file.write(4, bytes(":1}")), { n: 3 });
  assert.deepEqual(control.configs, ['{"a":1', '{"a"', '{"a":1}']);
});

Deno.test("who is refused at the first piece has begun nothing, and is told nothing more at the close", async () => {
  const { control, open } = serviceFiles();
  control.refusal = new FsError(Errno.EPERM, "service runtime disabled");
  const file = await open("control/invoke.json");
  await assert.rejects(file.write(0, bytes('{"a":')), refuses(Errno.EPERM, "service runtime disabled"));
  await file.close();
  assert.deepEqual(control.abandoned, []);
  control.refusal = undefined;
  const again = await open("control/invoke.json");
  await again.write(0, bytes('{"a":'));
  control.refusal = new FsError(Errno.EAGAIN, "service cooldown");
  await assert.rejects(again.write(5, bytes("1}")), refuses(Errno.EAGAIN, "service cooldown"));
  control.refusal = undefined;
  await again.write(5, bytes("1}"));
  await again.close();
  assert.equal(control.invokes.at(-1), '{"a":1}');
});

Deno.test("calls keeps the last calls, never drops one that runs, and forgets the rest", async () => {
  const { files, tree, changes, find, read } = serviceFiles({ history: { calls: 2, bytes: 1_000 } });
  const contents = { request: bytes("{}"), result: "", status: "" };
  files.openCall("c-1", contents);
  const { id } = await find("calls/c-1/status.json");
  const open = await tree.open(id, "read");
  files.openCall("c-2", contents);
  files.closeCall("c-2");
  files.openCall("c-3", contents);
  const names = async () => (await tree.list((await find("calls")).id)).map(({ name }) => name);
  assert.deepEqual(await names(), ["c-1", "c-3"]);
  files.update([{ call_id: "c-1", file: "status.json", content: "done" }]);
  assert.equal(await read("calls/c-1/status.json"), "done");
  files.closeCall("c-1");
  files.openCall("c-4", contents);
  assert.deepEqual(await names(), ["c-3", "c-4"]);
  await assert.rejects(tree.attributes(id), refuses(Errno.ENOENT, "file not found"));
  assert.equal(text((await open.read(0, 10)).bytes), "done");
  files.update([{ call_id: "c-1", file: "status.json", content: "late" }]);
  const directory = (await find("calls")).id;
  assert.equal(changes.filter((change) => "directory" in change && change.directory === directory).length, 4);
  assert.equal((await find("calls")).m, 0o040555);
});

Deno.test("calls keeps no more bytes than it may, but always the newest call", async () => {
  const { files, tree, find } = serviceFiles({ history: { calls: 10, bytes: 100 } });
  for (const call_id of ["c-1", "c-2", "c-3"]) {
    files.openCall(call_id, { request: new Uint8Array(60), result: "", status: "" });
    files.closeCall(call_id);
  }
  files.openCall("c-4", { request: new Uint8Array(500), result: "", status: "" });
  assert.deepEqual((await tree.list((await find("calls")).id)).map(({ name }) => name), ["c-4"]);
});
