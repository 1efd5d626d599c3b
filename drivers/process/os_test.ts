import assert from "node:assert/strict";
import process from "node:process";
import { currentOs, type Machine, osNamed } from "./os.ts";

/** A machine that holds these files, and writes down what it is asked to do. */
function machine(
  files: Readonly<Record<string, "executable" | "not executable" | "folder">> = {},
  answers: Partial<Machine> = {},
): Machine & { readonly calls: string[] } {
  const calls: string[] = [];
  return {
    calls,
    kill: (pid) => void calls.push(`kill ${pid}`),
    look: (file) => files[file] ?? "missing",
    readText: () => {
      throw new Error("No such file");
    },
    list: () => {
      throw new Error("No such folder");
    },
    readLink: () => {
      throw new Error("No such file");
    },
    run: (file, args) => {
      calls.push([file, ...args].join(" "));
      return Promise.resolve("");
    },
    ...answers,
  };
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

const unixFiles = {
  "/first/tool": "not executable",
  "/first/folder": "folder",
  "/second/tool": "executable",
  "/srv/bin/tool": "executable",
  "/first/plain": "not executable",
} as const;

const unixSearches: readonly (readonly [string, string, string, string])[] = [
  ["takes the first file on PATH that can be executed", "tool", "/first:/second", "/second/tool"],
  ["searches a relative entry of PATH from the working folder", "tool", "bin", "/srv/bin/tool"],
  ["starts a name with a slash from the working folder", "bin/tool", "/second", "/srv/bin/tool"],
  ["takes an absolute path as it is", "/second/tool", "", "/second/tool"],
  [
    "does not take an empty entry of PATH for the working folder",
    "bin",
    ":/first:",
    '"bin" is in no folder of PATH (/first)',
  ],
  ["says which folders it searched", "none", "/first:/second", '"none" is in no folder of PATH (/first, /second)'],
  ["says that PATH is empty", "tool", "", '"tool" cannot be looked up, because PATH is empty'],
  ["says that a file is not executable", "plain", "/first:/second", '"/first/plain" is not executable'],
  ["says that a path is a folder", "/first/folder", "", '"/first/folder" is not a file'],
  ["says that a path does not exist", "./none", "/first", '"/srv/none" does not exist'],
];

for (const [title, name, path, wanted] of unixSearches) {
  Deno.test(`findProgram() on Linux ${title}`, () => {
    const found = osNamed("linux", machine(unixFiles)).findProgram(name, { path, cwd: "/srv" });
    assert.equal(found.found ? found.file : found.reason, wanted);
  });
}

const windowsFiles = {
  "C:\\tools\\camera.EXE": "executable",
  "C:\\tools\\run.py": "executable",
  "C:\\work\\run.CMD": "executable",
} as const;

const windowsSearches: readonly (readonly [string, string, string | undefined, string])[] = [
  ["adds the endings of PATHEXT", "camera", ".COM;.EXE", "C:\\tools\\camera.EXE"],
  ["knows the usual endings by itself", "camera", undefined, "C:\\tools\\camera.EXE"],
  ["leaves a name alone that has such an ending", "camera.EXE", ".EXE", "C:\\tools\\camera.EXE"],
  ["adds an ending to a name with another one", "run.py", ".EXE", '"run.py" is in no folder of PATH (C:\\tools)'],
  ["starts a name with a separator from the working folder", ".\\run", ".EXE;.CMD", "C:\\work\\run.CMD"],
  ["takes forward slashes too", "C:/tools/camera", ".EXE", "C:\\tools\\camera.EXE"],
];

for (const [title, name, pathExt, wanted] of windowsSearches) {
  Deno.test(`findProgram() on Windows ${title}`, () => {
    const places = { path: "C:\\tools", cwd: "C:\\work", pathExt };
    const found = osNamed("windows", machine(windowsFiles)).findProgram(name, places);
    assert.equal(found.found ? found.file : found.reason, wanted);
  });
}

Deno.test("findProgram() finds a real program and tells a file without the x-bit from one that is missing", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/ready`, "", { mode: 0o755 });
    await Deno.writeTextFile(`${folder}/plain`, "", { mode: 0o644 });
    const find = (name: string) => currentOs.findProgram(name, { path: folder, cwd: folder });
    assert.deepEqual(find("ready"), { found: true, file: `${folder}/ready` });
    assert.deepEqual(find("plain"), { found: false, reason: `"${folder}/plain" is not executable` });
    assert.deepEqual(find("./none"), { found: false, reason: `"${folder}/none" does not exist` });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("killTree() on Linux and macOS kills the group, and does not mind that it is gone", () => {
  for (const name of ["linux", "darwin"] as const) {
    const there = machine();
    osNamed(name, there).killTree(42);
    osNamed(name, there).killLeftovers(42);
    assert.deepEqual(there.calls, ["kill -42", "kill -42"]);
    const failing = (code: string) =>
      osNamed(
        name,
        machine({}, {
          kill: () => {
            throw systemError(code);
          },
        }),
      );
    failing("ESRCH").killTree(42);
    assert.throws(() => failing("EINVAL").killTree(42), /EINVAL/);
  }
});

Deno.test("killTree() on Windows asks taskkill, and kills the program alone when that fails", async () => {
  const there = machine();
  osNamed("windows", there).killTree(42);
  assert.deepEqual(there.calls, ["taskkill /T /F /PID 42"]);
  const without = machine({}, { run: () => Promise.reject(systemError("ENOENT")) });
  osNamed("windows", without).killTree(42);
  await Promise.resolve().then(() => {});
  assert.deepEqual(without.calls, ["kill 42"]);
});

Deno.test("killLeftovers() on Windows leaves a pid alone that may be another's", () => {
  const there = machine();
  osNamed("windows", there).killLeftovers(42);
  assert.deepEqual(there.calls, []);
});

Deno.test("rssOf() reads the memory of a process in the way of each system, in bytes", async () => {
  const status = "Name:\tzss\nVmRSS:\t    2048 kB\nThreads:\t1\n";
  const systems = [
    osNamed("linux", machine({}, { readText: (file) => file === "/proc/42/status" ? status : "" })),
    osNamed("darwin", machine({}, { run: (file) => Promise.resolve(file === "ps" ? "  2048\n" : "") })),
    osNamed("windows", machine({}, { run: (file) => Promise.resolve(file === "powershell" ? "2097152\r\n" : "") })),
  ];
  assert.deepEqual(await Promise.all(systems.map((os) => os.rssOf(42))), [2_097_152, 2_097_152, 2_097_152]);
});

Deno.test("rssOf() says nothing of a process that is gone", async () => {
  const failing = machine({}, { run: () => Promise.reject(new Error("No such process")) });
  const gone = (["linux", "darwin", "windows"] as const).map((name) => osNamed(name, failing).rssOf(42));
  const silent = (["darwin", "windows"] as const).map((name) => osNamed(name, machine()).rssOf(42));
  const zombie = osNamed("linux", machine({}, { readText: () => "Name:\tzss\nState:\tZ\n" })).rssOf(42);
  assert.deepEqual(await Promise.all([...gone, ...silent, zombie]), Array(6).fill(undefined));
});

Deno.test("rssOf() of this very process is more than nothing", async () => {
  assert.ok((await currentOs.rssOf(process.pid) ?? 0) > 0);
});

Deno.test("cleanEnvironment() keeps what every program needs and drops the rest, tokens first of all", () => {
  const env = { PATH: "/bin", HOME: "/h", LC_TIME: "C", TZ: "UTC", ZSS_TOKEN: "t", ZSS_HELPER: "driver", AWS_KEY: "k" };
  const unix = { PATH: "/bin", HOME: "/h", LC_TIME: "C", TZ: "UTC" };
  assert.deepEqual(osNamed("linux").cleanEnvironment(env), unix);
  assert.deepEqual(osNamed("darwin").cleanEnvironment(env), unix);
});

Deno.test("cleanEnvironment() on Windows knows names in any case and keeps them as they are", () => {
  const env = { Path: "C:\\", SystemRoot: "C:\\Windows", ComSpec: "cmd", Zss_Token: "t", HOME: undefined };
  assert.deepEqual(osNamed("windows").cleanEnvironment(env), {
    Path: "C:\\",
    SystemRoot: "C:\\Windows",
    ComSpec: "cmd",
  });
});

Deno.test("Os.carriersOf() finds what has a variable by its value, and looks at nothing twice that has it not", () => {
  const read: string[] = [];
  const environs: Record<string, string> = {
    1: "HOME=/\0XMARK=a\0",
    2: "HOME=/\0MARK=a\0PATH=/bin",
    3: "MARK=b",
    4: "MARK=a\0",
    5: "MARK=a\0",
  };
  const linux = osNamed("linux", {
    ...machine({}),
    list: () => [...Object.keys(environs), "self", "meminfo"],
    readText(file) {
      const [, pid = "", what] = file.match(/^\/proc\/(\d+)\/(\w+)$/) ?? [];
      if (what === "stat") return `${pid} (a (b) ${pid}) ${pid === "5" ? "Z" : "S"} 1 ${pid} `;
      read.push(pid);
      return environs[pid] ?? assert.fail(file);
    },
  });
  const known = new Set([99]);
  const wanted = new Map([
    ["a", [{ pid: 2, name: "a (b) 2" }, { pid: 4, name: "a (b) 4" }]],
    ["b", [{ pid: 3, name: "a (b) 3" }]],
  ]);
  assert.deepEqual([linux.carriersOf("MARK", known), known], [wanted, new Set([1])]);
  read.length = 0;
  assert.deepEqual([linux.carriersOf("MARK", known), read], [wanted, ["2", "3", "4", "5"]]);
  assert.equal(osNamed("darwin", machine({})).carriersOf("MARK", known).size, 0);
});
