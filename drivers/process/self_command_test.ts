import assert from "node:assert/strict";
import { helperCommand, programCommand, type SelfFacts } from "./self_command.ts";

const fromSource: SelfFacts = {
  env: { HOME: "/h", DENO_DIR: "/cache", NO_COLOR: "1", ZSS_TOKEN: "t" },
  standalone: false,
  os: "linux",
  execPath: "/bin/deno",
  entry: "/zss/cli/main.ts",
  config: "/zss/deno.json",
};
const compiled: SelfFacts = { ...fromSource, standalone: true, execPath: "/opt/zss" };

Deno.test("programCommand() runs the source with its configuration and the cache of its runtime", () => {
  const sourceArgs = ["run", "-A", "--no-check", "--quiet", "--config", "/zss/deno.json", "/zss/cli/main.ts"];
  assert.deepEqual(programCommand(["server", "--port", "0"], fromSource), {
    file: "/bin/deno",
    args: [...sourceArgs, "server", "--port", "0"],
    env: { HOME: "/h", DENO_DIR: "/cache", NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    via: "node",
  });
});

Deno.test("programCommand() runs source from the web without a configuration", () => {
  const facts = { ...fromSource, entry: "https://example.test/cli/main.ts", config: undefined };
  assert.deepEqual(programCommand([], facts).args.slice(-2), ["--quiet", "https://example.test/cli/main.ts"]);
});

Deno.test("programCommand() starts the running image of a compiled binary on Linux", () => {
  assert.deepEqual(programCommand(["server"], compiled), {
    file: "/proc/self/exe",
    args: ["server"],
    env: { NO_COLOR: "1" },
    via: "node",
  });
});

Deno.test("programCommand() has a compiled binary elsewhere started by the call that does not rewrite arguments", () => {
  for (const os of ["darwin", "windows"]) {
    const { file, via } = programCommand(["server"], { ...compiled, os });
    assert.deepEqual([file, via], ["/opt/zss", "deno"]);
  }
});

Deno.test("helperCommand() names the role in the environment, never in the arguments alone", () => {
  for (const facts of [fromSource, compiled]) {
    const { args, env } = helperCommand("driver", ["driver", "echo"], facts);
    assert.equal(env["ZSS_HELPER"], "driver");
    assert.deepEqual(args.slice(-2), ["driver", "echo"]);
  }
});

Deno.test("programCommand() never makes a helper", () => {
  assert.equal("ZSS_HELPER" in programCommand(["server"], compiled).env, false);
});

Deno.test("helperCommand() and programCommand() refuse to start the program from a helper", () => {
  for (const facts of [fromSource, compiled]) {
    for (const role of ["driver", "terminal", ""]) {
      const helper = { ...facts, env: { ZSS_HELPER: role } };
      assert.throws(() => helperCommand("driver", ["driver", "echo"], helper), /Cannot start zss from a helper of zss/);
      assert.throws(() => programCommand(["server"], helper), /Cannot start zss from a helper of zss/);
    }
  }
});

Deno.test("programCommand() asks the real environment when nobody hands it another", async () => {
  const module = new URL("./self_command.ts", import.meta.url).href;
  const code = `const { programCommand } = await import(${JSON.stringify(module)}); programCommand(["server"]);`;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", code],
    env: { ZSS_HELPER: "driver" },
  }).output();
  assert.equal(success, false);
  assert.match(new TextDecoder().decode(stderr), /Cannot start zss from a helper of zss/);
});

/** How many processes carry `marker` in their environment. */
function processesWith(marker: string): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (Deno.readTextFileSync(`/proc/${name}/environ`).includes(marker)) count++;
    } catch {
      // Gone meanwhile, or another's.
    }
  }
  return count;
}

Deno.test({
  name: "a helper starts nothing, whatever its arguments ask for",
  // Elsewhere nothing shows the environment of another process.
  ignore: Deno.build.os !== "linux",
  async fn() {
    const hostile = [
      ["server", "--port", "0"],
      ["demo", "--once"],
      ["up"],
      ["driver"],
      ["driver", "server"],
      ["driver", "__proto__"],
      ["driver", "../../cli/main.ts"],
      ["run", "-A", "cli/main.ts", "server"],
    ];
    // The one variable that the program hands on to each start of itself.
    const marker = `zss-test-${crypto.randomUUID()}`;
    const endings = await Promise.all(hostile.map(async (args) => {
      const { file, args: full, env } = helperCommand("driver", args);
      const command = new Deno.Command(file, {
        args: [...full],
        env: { ...env, NO_COLOR: marker },
        clearEnv: true,
        stdin: "null",
      });
      const { code, stdout, stderr } = await command.output();
      return { args, code, stdout: stdout.length, said: new TextDecoder().decode(stderr) };
    }));
    for (const { args, code, stdout, said } of endings) {
      assert([2, 3].includes(code) && stdout === 0, `${args.join(" ")}: exit code ${code}, ${said}`);
      assert.match(said, /^error: Cannot run (helper|driver) /);
    }
    assert.equal(processesWith(marker), 0);
  },
});

Deno.test({
  name: "a helper is one process from its beginning to its end",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const marker = `zss-test-${crypto.randomUUID()}`;
    const { file, args, env } = helperCommand("driver", ["driver", "fail", "--exit-code", "7"]);
    const child = new Deno.Command(file, {
      args: [...args],
      env: { ...env, NO_COLOR: marker },
      clearEnv: true,
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    assert.equal(processesWith(marker), 1);
    const stdin = child.stdin.getWriter();
    await stdin.write(new TextEncoder().encode("{}"));
    assert.equal(processesWith(marker), 1);
    await stdin.close();
    await child.status;
    assert.equal(processesWith(marker), 0);
  },
});
