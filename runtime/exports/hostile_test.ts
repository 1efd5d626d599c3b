import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { currentOs } from "../../drivers/process/mod.ts";
import { Errno, FsError, isObject, parseJson, stringifyJson } from "../../control/protocol/mod.ts";
import { FileServer } from "../namespace/file_server.ts";
import { Confinement } from "./confine.ts";
import { FolderTree } from "./folder.ts";

const CANARY = "the canary sings";
/** Stands in every folder that must not be shown; no operation here makes a file of this name. */
const SENTINEL = "sentinel";
const LOCAL = (1n << 48n) - 1n;
const noLinks = currentOs.name === "windows";

/** A folder to export, and beside it one that nobody may touch. */
class Cage implements Disposable {
  readonly base = realpathSync(mkdtempSync(join(tmpdir(), "zss-cage-")));
  readonly root = join(this.base, "root");
  readonly outside = join(this.base, "outside");
  readonly #before: string;

  constructor() {
    for (const path of ["root", "root/docs", "root/.spiderweb-sandbox", "outside", "outside/deep"]) {
      mkdirSync(join(this.base, path));
    }
    for (const path of ["outside/secret", "outside/deep/secret", "outside/a", "root/.spiderweb-sandbox/secret"]) {
      writeFileSync(join(this.base, path), CANARY);
    }
    for (const path of ["", "outside", "outside/deep", "root/.spiderweb-sandbox"]) {
      writeFileSync(join(this.base, path, SENTINEL), CANARY);
    }
    writeFileSync(join(this.root, "docs", "a"), "mine");
    writeFileSync(join(this.root, "a"), "mine");
    // Chains and loops of links that end outside, each by another way.
    const links: readonly [string, string][] = [
      ["out", this.outside],
      ["up", ".."],
      ["one", "two"],
      ["two", "docs/three"],
      ["docs/three", "../up/outside/secret"],
      ["loop", "loop"],
      ["self", "/proc/self/root"],
      ["cwd", "/proc/self/cwd"],
      ["hidden", ".spiderweb-sandbox"],
      ["dot", "./docs/../../outside"],
      ["in", "docs"],
    ];
    for (const [name, target] of links) symlinkSync(target, join(this.root, name));
    this.#before = this.#snapshot();
  }

  open(holds: "best" | "libc" | "nothing"): FolderTree {
    const spec = { name: "work", path: this.root, mode: "rw" as const };
    return new FolderTree(spec, new Confinement(this.root, holds), statSync(this.root, { bigint: true }));
  }

  /** Fails when anything outside, or of the hidden folder, is not as it was. */
  requireUntouched(what: string): void {
    assert.equal(this.#snapshot(), this.#before, what);
  }

  #snapshot(): string {
    const lines: string[] = [readdirSync(this.base).sort().join()];
    const look = (path: string) => {
      const stats = lstatSync(path);
      lines.push(`${path} ${stats.mode} ${stats.nlink} ${stats.isDirectory() ? "" : `${stats.size} ${stats.mtimeMs}`}`);
      if (stats.isDirectory()) { for (const name of readdirSync(path).sort()) look(join(path, name)); }
      else if (stats.isSymbolicLink()) lines.push(readlinkSync(path));
      else lines.push(readFileSync(path, "utf8"));
    };
    look(this.outside);
    look(join(this.root, ".spiderweb-sandbox"));
    return lines.join("\n");
  }

  [Symbol.dispose](): void {
    rmSync(this.base, { recursive: true, force: true });
  }
}

/** Names that try to be more than a name. */
function hostileNames(cage: Cage): fc.Arbitrary<string> {
  const parts = fc.constantFrom(
    ...["..", "/", "\\", ".", "\0", "%2e%2e", "%2f", "..%5c", "::$DATA", "~", "\u2024\u2024", "\u{ff0e}\u{ff0e}", "C:"],
    ...["outside", "secret", "root", "in", "out", "up", "one", "two", "self", "cwd", "hidden", "docs", "a", "dot"],
    ...[".spiderweb-sandbox", ".SPIDERWEB-SANDBOX", "CON", "nul.txt", "A", "a.", "a ", "\ud800", "\n"],
    ...[cage.outside, join(cage.outside, "secret"), cage.base, "/etc/passwd", "/proc/self/root/etc/passwd"],
  );
  return fc.oneof(
    { weight: 8, arbitrary: fc.array(parts, { minLength: 1, maxLength: 6 }).map((all) => all.join("")) },
    { weight: 2, arbitrary: parts },
    { weight: 1, arbitrary: fc.string({ maxLength: 6 }) },
    { weight: 1, arbitrary: fc.constantFrom("x".repeat(5_000), "../".repeat(1_700), "a\0".repeat(2_500)) },
  );
}

const OPERATIONS = [
  "lookup",
  "create",
  "mkdir",
  "unlink",
  "rmdir",
  "rename",
  "renamed",
  "symlink",
  "readlink",
] as const;

/** Asks by frames as a client does. */
class Client {
  readonly server = new FileServer({ name: "n", os: "linux", version: "0" });
  readonly #frames: string[] = [];
  readonly #connection;

  constructor(tree: FolderTree) {
    this.server.setTrees([tree]);
    this.#connection = this.server.connect((frame) => this.#frames.push(frame), { subscribe: false });
  }

  /** The payload of the reply, or the number that it was refused with. */
  async ask(op: string, members: object): Promise<Readonly<Record<string, unknown>> | number> {
    const frame = { channel: "acheron", type: `acheron.t_fs_${op}`, tag: 1, ...members };
    await this.#connection.handle(stringifyJson(frame));
    const reply = parseJson(this.#frames.pop() ?? "", { bigIntegers: true });
    assert(isObject(reply));
    const { payload, error } = reply;
    if (isObject(error)) {
      assert.notEqual(error["errno"], Errno.EIO, `${op} ${stringifyJson(members).slice(0, 200)}: ${error["message"]}`);
      return Number(error["errno"]);
    }
    assert(isObject(payload));
    return payload;
  }

  close(): void {
    this.#connection.close();
    this.server.setTrees([]);
  }
}

function membersOf(op: typeof OPERATIONS[number], node: bigint, name: string): [string, object] {
  switch (op) {
    case "rename":
      return ["rename", { payload: { old_parent: node, old_name: name, new_parent: node, new_name: "moved" } }];
    case "renamed":
      return ["rename", { payload: { old_parent: node, old_name: "a", new_parent: node, new_name: name } }];
    case "symlink":
      return ["symlink", { node, payload: { name: "planted", target: name } }];
    default:
      return [op, { node, payload: { name } }];
  }
}

for (const holds of ["best", "libc", "nothing"] as const) {
  Deno.test({
    name: `An exported folder (${holds}) lets no operation out, whatever 300 names are`,
    ignore: noLinks,
    async fn() {
      using cage = new Cage();
      const tree = cage.open(holds);
      const client = new Client(tree);
      /** Reads whatever an id stands for. */
      const requireInside = async (id: bigint, name: string) => {
        const found = await tree.attributes(id);
        if (found.k === 2) {
          const names = (await tree.list(id)).map((entry) => entry.name);
          assert(!names.includes(SENTINEL), name);
          return;
        }
        const file = await tree.open(id, "read");
        const { bytes } = await file.read(0, 100);
        await file.close();
        assert.notEqual(new TextDecoder().decode(bytes), CANARY, name);
      };
      const property = fc.asyncProperty(
        hostileNames(cage),
        fc.constantFrom(...OPERATIONS),
        fc.boolean(),
        async (name, op, isDeep) => {
          const parent = isDeep ? (await tree.lookup(tree.root, "docs")).id : tree.root;
          const reply = await client.ask(...membersOf(op, (1n << 48n) | parent, name));
          const { attr, h } = typeof reply === "number" ? {} : reply;
          if (isObject(attr)) await requireInside(BigInt(Number(attr["id"])) & LOCAL, name);
          if (h !== undefined) await client.ask("close", { h });
          if (op === "symlink" && typeof reply !== "number") {
            // What was planted is as harmless as what was there.
            const found = await client.ask("lookup", { node: (1n << 48n) | parent, payload: { name: "planted" } });
            if (typeof found !== "number" && isObject(found["attr"])) {
              await requireInside(BigInt(Number(found["attr"]["id"])) & LOCAL, name);
            }
            await client.ask("unlink", { node: (1n << 48n) | parent, payload: { name: "planted" } });
          }
          cage.requireUntouched(`${op} ${JSON.stringify(name)}`);
          // What an operation was allowed to take away is put back for the next.
          for (const [path, make] of PIECES) if (!existsSync(join(cage.root, path))) make(join(cage.root, path));
        },
      );
      await fc.assert(property, { numRuns: 300 });
      client.close();
    },
  });
}

const PIECES: readonly (readonly [string, (path: string) => void])[] = [
  ["docs", (path) => mkdirSync(path)],
  ["a", (path) => writeFileSync(path, "mine")],
  ["docs/a", (path) => writeFileSync(path, "mine")],
];

/** Swaps `swap` between a folder and a link out of the root, as fast as a process of its own can. */
const SWAPPER = `
const { mkdirSync, renameSync, symlinkSync, writeFileSync, writeSync } = require("node:fs");
const [root, outside] = process.argv.slice(-2);
process.chdir(root);
mkdirSync("swap");
writeFileSync("swap/secret", "mine");
writeFileSync("swap/a", "mine");
symlinkSync(outside, "link");
writeSync(1, "ready");
for (;;) {
  renameSync("swap", "held");
  renameSync("link", "swap");
  renameSync("swap", "link");
  renameSync("held", "swap");
}
`;

/** Starts the swapper; it says when it has begun. */
async function startSwapper(cage: Cage): Promise<ChildProcess> {
  const script = join(cage.base, "swapper.cjs");
  writeFileSync(script, SWAPPER);
  const child = spawn("/proc/self/exe", ["run", "-A", "--no-check", script, cage.root, cage.outside], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    child.once("exit", () => reject(new Error("Cannot race: the swapper has ended")));
  });
  return child;
}

for (const holds of ["best", "libc"] as const) {
  Deno.test({
    name: `An exported folder (${holds}) lets no operation out while a process swaps the directory against a link`,
    ignore: currentOs.name !== "linux",
    async fn() {
      const cage = new Cage();
      rmSync(join(cage.root, "up"));
      const child = await startSwapper(cage);
      const gone = new Promise((resolve) => child.once("close", resolve));
      try {
        rmSync(join(cage.base, "swapper.cjs"));
        const tree = cage.open(holds);
        let done = 0;
        let refused = 0;
        const attempt = async (action: () => Promise<unknown>) => {
          try {
            await action();
            done++;
          } catch (error) {
            assert(error instanceof FsError, String(error));
            assert.notEqual(error.errno, Errno.EIO, error.message);
            refused++;
          }
        };
        const { editing } = tree;
        assert(editing !== undefined);
        let directory: bigint | undefined;
        for (let round = 0; round < 4_000 && (round < 300 || done < 50 || refused < 50); round++) {
          await attempt(async () => directory = (await tree.lookup(tree.root, "swap")).id);
          const id = directory;
          if (id === undefined) continue;
          const name = `n${round}`;
          await Promise.all([
            attempt(async () => {
              const file = (await editing.create(id, name, 0o644, "read_write")).file;
              await file.write(0, new TextEncoder().encode("overwritten"));
              await file.close();
            }),
            attempt(() => editing.makeDirectory(id, `d${round}`)),
            attempt(() => editing.unlink(id, "a")),
            attempt(() => editing.rename(id, "deep", id, `moved${round}`)),
            attempt(() => editing.removeDirectory(id, "deep")),
            attempt(async () => {
              const names = (await tree.list(id)).map((entry) => entry.name);
              assert(!names.includes(SENTINEL), "the outside was listed");
            }),
            attempt(async () => {
              const { id: secret } = await tree.lookup(id, "secret");
              await editing.setAttributes(secret, { mode: 0o600 });
              const file = await tree.open(secret, "read_write");
              const { bytes } = await file.read(0, 100);
              await file.close();
              assert.equal(new TextDecoder().decode(bytes), "mine");
            }),
            attempt(() => editing.unlink(id, name)),
          ]);
        }
        assert(done >= 50 && refused >= 50, `${done} done, ${refused} refused: there was no race`);
        cage.requireUntouched("the race");
      } finally {
        child.kill("SIGKILL");
        await gone;
        cage[Symbol.dispose]();
      }
    },
  });
}

Deno.test({
  name: "An exported folder lists what is no file, and waits for none of it",
  ignore: currentOs.name !== "linux",
  async fn() {
    using cage = new Cage();
    execFileSync("mkfifo", [join(cage.root, "pipe")]);
    const listener = createServer().listen(join(cage.root, "socket"));
    await new Promise((resolve) => listener.once("listening", resolve));
    symlinkSync("pipe", join(cage.root, "to-pipe"));
    const tree = cage.open("best");
    for (const name of ["pipe", "socket", "to-pipe"]) {
      const { id } = await tree.lookup(tree.root, name);
      for (const access of ["read", "write", "read_write"] as const) {
        await assert.rejects(tree.open(id, access), { errno: Errno.EACCES });
      }
      await assert.rejects(tree.truncate(id, 0), { errno: Errno.EACCES });
      assert((await tree.list(tree.root)).some((entry) => entry.name === name));
    }
    await tree.editing?.rename(tree.root, "pipe", tree.root, "moved");
    await tree.editing?.unlink(tree.root, "moved");
    await new Promise((resolve) => listener.close(resolve));
  },
});
