import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { currentOs, openPty } from "../../drivers/process/mod.ts";
import { completionScripts } from "./scripts.ts";

/** What is typed up to the Tab, what is proposed, and the last word that zss gets. */
type Case = readonly [typed: string, proposed: string, last: string];

const NAMES = [
  "/n/readme$(touch PWNED)",
  "/n/re`touch PWNED`",
  "/n/re;touch PWNED",
  "/n/re me  two",
  "/n/re'x",
  '/n/re"x',
  "/n/re!x",
  "/n/re\\x",
  "/n/re~#&|<>()^*?[a]{b,c}",
  "/n/reä→:a=b",
  "/n/re'",
  '/n/re"',
  "/n/re!",
  "/n/re\\",
  "/n/re$HOME",
];

const cases: readonly Case[] = [
  ...NAMES.flatMap((name): Case[] => ["", "'", '"'].map((quote) => [`fs read ${quote}/n/re`, name, name])),
  ["fs read /n/a\\ b/re", "/n/a b/re $x", "/n/a b/re $x"],
  ['fs read "/n/a b/"re', "/n/a b/re $x", "/n/a b/re $x"],
  ["fs read '/n/a b'/re", "/n/a b/re $x", "/n/a b/re $x"],
  ["fs read 'a b' c\\ d /n/re", "/n/re", "/n/re"],
  ["fs cp :/n/re", ":/n/re $x", ":/n/re $x"],
  ["fs cp ':/n/re", ":/n/re $x", ":/n/re $x"],
  ["node list --context=a", "--context=a $(touch PWNED)", "--context=a $(touch PWNED)"],
  ["node info ", "~x", "~x"],
  ["node info '", "'x", "'x"],
  ['node info "', "!x", "!x"],
];

/** How a shell starts without anybody's profile, and what it is told first. */
const shells: Readonly<Record<string, readonly [argv: readonly string[], setup: string]>> = {
  bash: [["--norc", "--noprofile", "-i"], "PS1='ready> '; . ./script"],
  zsh: [["-f", "-i"], "autoload -U compinit; compinit -u -D; PS1='ready> '; . ./script"],
  fish: [["-N", "-i"], "function fish_prompt; echo -n 'ready> '; end; . ./script"],
};

for (const [shell, [argv, setup]] of Object.entries(shells)) {
  const file = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, shell)).find(existsSync);
  Deno.test({
    name: `completionScripts: ${shell} gives zss the name that was proposed, and runs nothing of it`,
    ignore: currentOs.name !== "linux" || file === undefined,
    fn: async () => {
      const folder = await mkdtemp(join(tmpdir(), "zss-complete-"));
      try {
        await writeFile(join(folder, "script"), completionScripts[shell] ?? "");
        await mkdir(join(folder, "bin"));
        const zss = join(folder, "bin", "zss");
        const answer = 'for last; do :; done; if [ "$1" = __complete ]; then ' +
          'printf %s "$last" > "$HOME/asked"; cat "$HOME/proposed"; exit; fi';
        const tell = 'printf %s "$last" > "$HOME/last"; echo "ran $(cat "$HOME/turn")"';
        await writeFile(zss, `#!/bin/sh\n${answer}\n${tell}\n`);
        await chmod(zss, 0o755);
        await using person = new Person(file ?? "", [shell, ...argv], folder);
        person.type(`${setup}; echo set''up\n`);
        await person.sees(/set(?:up)[^]*ready> /);
        for (const [turn, [typed, proposed, last]] of cases.entries()) {
          await writeFile(join(folder, "turn"), `${turn}!`);
          await writeFile(join(folder, "proposed"), `${proposed}\tbrief\n`);
          person.type(`zss ${typed}\t\n`);
          await person.sees(new RegExp(`ran ${turn}![^]*ready> `), `${typed} with ${proposed}`);
          assert.equal(await readFile(join(folder, "last"), "utf8"), last, typed);
          // Without what quotes it.
          const asked = await readFile(join(folder, "asked"), "utf8");
          assert.ok(last.startsWith(asked) && asked.length >= last.indexOf("re"), `${typed}: ${asked}`);
        }
        assert.ok(!(await readdir(folder)).includes("PWNED"));
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  });
}

/** Somebody in front of a shell. */
class Person implements AsyncDisposable {
  readonly #pty;
  readonly #decoder = new TextDecoder();
  #seen = "";

  constructor(file: string, argv: readonly string[], folder: string) {
    const env = {
      PATH: `${join(folder, "bin")}:${process.env["PATH"]}`,
      HOME: folder,
      TERM: "xterm",
      LC_ALL: "C.UTF-8",
    };
    this.#pty = openPty({ file, argv, cwd: folder, env, size: { cols: 200, rows: 40 } });
  }

  type(text: string): void {
    void this.#pty.write(new TextEncoder().encode(text));
  }

  /** Waits until the terminal shows something, after what was waited for before. */
  async sees(pattern: RegExp, when = ""): Promise<void> {
    const deadline = setTimeout(() => this.#pty.kill(), 10_000);
    try {
      while (!pattern.test(this.#seen)) {
        const bytes = await this.#pty.read();
        if (bytes === undefined) throw new Error(`The shell has not gone on (${when}); it showed ${this.#seen}`);
        this.#seen += this.#decoder.decode(bytes, { stream: true });
      }
      this.#seen = "";
    } finally {
      clearTimeout(deadline);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pty.kill();
    await this.#pty.exited;
    await this.#pty.close();
  }
}
