/**
 * Starts the program as a user does: from source, or the executable that
 * ZSS_BIN names.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { programCommand } from "../../drivers/process/mod.ts";

/** How long anything may take here before the test fails, in milliseconds. */
const DEADLINE_MS = 30_000;

/** A folder that nobody makes: without it the contexts of whoever runs the tests would be used. */
const NO_CONTEXTS = fileURLToPath(new URL("./no_contexts", import.meta.url));

/** A command that has ended. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command is started. */
export interface StartOptions {
  /** Whether nobody reads what it prints. */
  readonly isUnread?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string;
}

/** A command that runs. */
export class Program {
  readonly child: ChildProcess;
  readonly args: readonly string[];
  stdout = "";
  stderr = "";
  readonly #waiting = new Set<() => void>();
  #ended = false;
  /** Settles with the exit code; `null` when a signal ended it. */
  readonly ended: Promise<number | null>;

  constructor(args: readonly string[], options: StartOptions = {}) {
    this.args = args;
    const binary = process.env["ZSS_BIN"];
    const self = binary === undefined ? programCommand(args) : { file: binary, args, env: {} };
    const keep = ["PATH", "HOME", "LANG", "TMPDIR", "DENO_DIR"];
    const inherited = Object.fromEntries(
      keep.flatMap((key) => process.env[key] === undefined ? [] : [[key, process.env[key]]]),
    );
    this.child = spawn(self.file, [...self.args], {
      env: { ...inherited, ZSS_CONFIG_DIR: NO_CONTEXTS, ...self.env, ...options.env },
      cwd: options.cwd,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.child.stdin?.on("error", () => {});
    this.child.stdin?.end(options.stdin ?? "");
    // Unread, the pipe fills, and is emptied only once the program has gone.
    if (options.isUnread === true) this.child.on("exit", () => this.child.stdout?.resume());
    else this.child.stdout?.on("data", (chunk: Uint8Array) => this.#take("stdout", chunk));
    this.child.stderr?.on("data", (chunk: Uint8Array) => this.#take("stderr", chunk));
    this.ended = new Promise((resolve) => {
      this.child.on("close", (code) => {
        this.#ended = true;
        this.#wake();
        resolve(code);
      });
    });
  }

  /** Waits until one of its outputs matches. */
  async printed(pattern: RegExp): Promise<RegExpMatchArray> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake();
    }, DEADLINE_MS);
    try {
      for (;;) {
        const match = this.stdout.match(pattern) ?? this.stderr.match(pattern);
        if (match !== null) return match;
        if (late || this.#ended) {
          throw new Error(`Program never printed ${pattern}; stdout: ${this.stdout}; stderr: ${this.stderr}`);
        }
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a signal and waits for the end. */
  async end(signal: "SIGINT" | "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<Finished> {
    // child.kill() would make "killed" of whatever the program then exits with.
    if (!this.#ended && this.child.pid !== undefined) process.kill(this.child.pid, signal);
    const code = await this.ended;
    return { code, stdout: this.stdout, stderr: this.stderr };
  }

  #take(name: "stdout" | "stderr", chunk: Uint8Array): void {
    this[name] += new TextDecoder().decode(chunk);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** Runs a command to its end. */
export async function zss(args: readonly string[], options: StartOptions = {}): Promise<Finished> {
  const program = new Program(args, options);
  const timer = setTimeout(() => program.child.kill("SIGKILL"), 2 * DEADLINE_MS);
  const code = await program.ended;
  clearTimeout(timer);
  return { code, stdout: program.stdout, stderr: program.stderr };
}

/** A folder, a server in it, and what was started beside them; all gone at the end of the block. */
export class Scene implements AsyncDisposable {
  readonly folder: string;
  readonly token = "sw-admin_for-the-tests-of-zss-only";
  url = "";
  readonly #programs: Program[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes the folder and starts a server on a free port. */
  static async open(): Promise<Scene> {
    const scene = new Scene(await mkdtemp(join(tmpdir(), "zss-e2e-")));
    await scene.startServer(0);
    return scene;
  }

  /** Environment of a client. */
  get env(): Record<string, string> {
    return { ZSS_URL: this.url, ZSS_TOKEN: this.token };
  }

  async startServer(port: number): Promise<Program> {
    const ready = join(this.folder, "ready.json");
    const server = this.start(
      ["server", "--port", String(port), "--data-dir", join(this.folder, "data"), "--ready-file", ready],
      { ZSS_ADMIN_TOKEN: this.token },
    );
    await server.printed(/zss server listening on ws:\/\//);
    const found = JSON.parse(await waitForFile(ready)) as { url: string };
    this.url = found.url;
    return server;
  }

  /** Everything that the servers have printed. */
  get serverOutput(): string {
    return this.#programs.filter(({ args }) => args[0] === "server").map(({ stdout, stderr }) => stdout + stderr).join(
      "",
    );
  }

  /** Ends the server as a crash does. */
  async killServer(): Promise<void> {
    const server = this.#programs.findLast((program) => program.args[0] === "server");
    await server?.end("SIGKILL");
    await rm(join(this.folder, "ready.json"), { force: true });
  }

  /** Ends the server, does something meanwhile, and starts it again on the same port. */
  async restartServer(meanwhile: () => Promise<void>): Promise<void> {
    const server = this.#programs.findLast((program) => program.args[0] === "server");
    await server?.end("SIGTERM");
    await meanwhile();
    await rm(join(this.folder, "ready.json"), { force: true });
    await this.startServer(Number(new URL(this.url).port));
  }

  /** Starts a command that stays. */
  start(args: readonly string[], env: Record<string, string> = {}): Program {
    const program = new Program(args, { env, cwd: this.folder });
    this.#programs.push(program);
    return program;
  }

  /** Runs a client command. */
  client(...args: string[]): Promise<Finished> {
    return zss(args, { env: this.env, cwd: this.folder });
  }

  /** Starts a node with an invite of its own. */
  async startNode(...more: string[]): Promise<Program> {
    return await this.startNodeWith(join(this.folder, "node-state.json"), ...more);
  }

  /** The same with another state file, for a second node. */
  async startNodeWith(stateFile: string, ...more: string[]): Promise<Program> {
    const invite = await this.client("node", "invite", "-o", "name");
    return this.start([
      ...["node", "run", "--control-url", this.url, "--invite-token", invite.stdout.trim(), "--node-name", "edge"],
      ...["--state-file", stateFile, "--manifest-reload-interval-ms", "50"],
      ...["--reconnect-backoff-ms", "50", "--reconnect-backoff-max-ms", "200", ...more],
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs.toReversed()) await program.end("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function waitForFile(path: string): Promise<string> {
  const end = Date.now() + DEADLINE_MS;
  for (;;) {
    const text = await readFile(path, "utf8").catch(() => "");
    if (text.endsWith("\n")) return text;
    if (Date.now() > end) throw new Error(`Nobody wrote ${path}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
