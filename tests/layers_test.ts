/**
 * Holds the import rules of docs/architecture.md over the whole project, and
 * shows that the checker behind it sees a planted violation of each of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { findViolations, formatViolation, type SourceFile } from "../scripts/house_rules.ts";
import { readSourceFiles, scanImports } from "../scripts/import_scan.ts";

const ROOT = new URL("../", import.meta.url);

/** A file list from `path: text` pairs. */
function house(texts: Readonly<Record<string, string>>): SourceFile[] {
  return Object.entries(texts).map(([path, text]) => ({ path, imports: scanImports(path, text) }));
}

Deno.test("every import of the project is one that docs/architecture.md allows", () => {
  const violations = findViolations(readSourceFiles(ROOT));
  assert.equal(violations.length, 0, `\n${violations.map(formatViolation).join("\n")}\n`);
});

/** What is allowed, one file list each. */
const ALLOWED: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ["words use zod and their own folder", {
    "control/protocol/ops.ts": 'import { z } from "zod"; import { id } from "./ids.ts";',
    "drivers/wasm/config.ts": 'import { z } from "zod";',
  }],
  ["the digest uses node:crypto", { "control/catalog/digest.ts": 'import { createHash } from "node:crypto";' }],
  ["an effect names the port that it gets as a parameter", {
    "control/pairing/invites.ts": 'import type { Transaction } from "../store/store.ts";',
  }],
  ["the tree of files uses the policies", {
    "control/worldfs/tree.ts": 'import { see } from "../policy/visibility.ts";',
  }],
  ["control reaches processes", {
    "control/store/sqlite.ts": 'import { systemClock } from "../../drivers/process/clock.ts";',
  }],
  ["runtime reaches the words, the driver port and the client", {
    "runtime/link/link.ts":
      'import "../../control/protocol/ops.ts"; import "../../drivers/driver.ts"; import "../../control/client/client.ts";',
  }],
  ["an assembly builds the parts of its floor and those below", {
    "runtime/node.ts":
      'import "./host/host.ts"; import "./manifest/load.ts"; import "../drivers/native_proc/mod.ts"; import "../control/client/mod.ts";',
    "control/server/app.ts": 'import "../sessions/session.ts"; import "../store/sqlite.ts"; import "hono";',
    "drivers/mod.ts": 'export { wasm } from "./wasm/mod.ts"; export { proc } from "./native_proc/mod.ts";',
  }],
  ["the face uses the mod.ts of each folder", {
    "cli/app.ts": 'import "@stricli/core"; import "node:fs"; const run = () => import("../control/server/mod.ts");',
    "mod.ts": 'export { diff } from "./control/catalog/mod.ts"; export type { Driver } from "./drivers/driver.ts";',
  }],
  ["a table of contents hands out its acceptance suite", {
    "control/store/mod.ts": 'export { storeContract } from "./store_contract.ts";',
  }],
  ["tests, benches and scripts import anything", {
    "control/catalog/delta_test.ts": 'import "node:assert"; import "../../cli/app.ts";',
    "bench/main.ts": 'import "../control/store/sqlite.ts";',
  }],
  ["an example uses mod.ts and what stands beside it", {
    "examples/drivers/echo/main.ts": 'import "../../../mod.ts"; import "./words.ts"; import "node:fs";',
  }],
  ["text and comments are no imports", {
    "control/protocol/ids.ts":
      '// import "../../cli/app.ts";\nconst text = `import "node:fs"`; const dynamic = (at: string) => import(at);',
  }],
];

for (const [sentence, texts] of ALLOWED) {
  Deno.test(`findViolations() allows that ${sentence}`, () => {
    assert.deepEqual(findViolations(house(texts)).map(formatViolation), []);
  });
}

/** What is refused: a planted file list and a part of the one finding. */
const REFUSED: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
  [
    "an arrow that runs up",
    { "drivers/wasm/driver.ts": 'import { ZssError } from "../../control/protocol/errors.ts";' },
    "every arrow runs down: control stands over drivers",
  ],
  [
    "a driver in the control plane",
    { "control/extensions/host.ts": 'import "../../drivers/wasm/mod.ts";' },
    "control uses of drivers only drivers/process",
  ],
  [
    "the server side in a node",
    { "runtime/node.ts": 'import "../control/store/sqlite.ts";' },
    "runtime uses of control only",
  ],
  ["an import of the command line", { "control/server/serve.ts": 'import "../../cli/io.ts";' }, "nobody imports cli"],
  [
    "an effect in a shape",
    { "control/catalog/delta.ts": '\nimport { Store } from "../store/sqlite.ts";' },
    "control/catalog/delta.ts is layer 1 (shapes); control/store/sqlite.ts is layer 3 (effects)",
  ],
  [
    "a neighbour among the effects",
    { "runtime/link/link.ts": 'import type { Host } from "../host/host.ts";' },
    "layer 3 (effects); runtime/host/host.ts is layer 3",
  ],
  [
    "a pure file that reaches for the effects beside it",
    { "runtime/supervision/machine.ts": 'export { supervise } from "./supervisor.ts";' },
    "runtime/supervision/machine.ts is layer 2",
  ],
  [
    "an effect that reaches the file system through a list of the manifest folder",
    { "runtime/host/host.ts": 'import "../manifest/mod.ts";' },
    "lists files of layer 3",
  ],
  [
    "one store that imports the other",
    { "control/store/sqlite.ts": 'import "./memory.ts";' },
    "implementations of one port never import each other",
  ],
  [
    "one driver that imports the other",
    { "drivers/native_proc/pool.ts": 'import "../wasm/run.ts";' },
    "implementations of one port never import each other",
  ],
  [
    "a circle, also one of types",
    {
      "control/events/ring.ts": 'import "./log.ts";',
      "control/events/log.ts": 'import type { Hub } from "./hub.ts";',
      "control/events/hub.ts": 'export * from "./ring.ts";',
    },
    "control/events/ring.ts -> control/events/log.ts -> control/events/hub.ts -> control/events/ring.ts",
  ],
  [
    "a command that looks behind a mod.ts",
    { "cli/commands/server.ts": 'const load = () => import("../../control/server/serve.ts");' },
    "cli uses the mod.ts of each folder",
  ],
  [
    "a library face that looks behind a mod.ts",
    { "mod.ts": 'export { delta } from "./control/catalog/delta.ts";' },
    "mod.ts uses the mod.ts of each folder",
  ],
  ["a package in the library face", { "mod.ts": 'export { z } from "zod";' }, "a list of names of this project"],
  ["a package below its layer", { "control/protocol/codec.ts": 'import "hono";' }, "may import only zod from npm"],
  ["node: in a pure file", { "control/policy/invoke.ts": 'import "node:fs";' }, "must not know the machine"],
  [
    "another digest in the shapes",
    { "control/catalog/canonical.ts": 'import "node:crypto";' },
    "must not know the machine",
  ],
  ["a dependency without a pin", { "control/web/page.ts": 'import "npm:left-pad";' }, "named and pinned in one place"],
  ["a dependency from elsewhere", { "cli/app.ts": 'import "jsr:@std/fs";' }, "named and pinned in one place"],
  ["a test in the product", { "control/store/mod.ts": 'import "./memory_test.ts";' }, "does not use its tests"],
  ["a script in the product", { "cli/app.ts": 'import "../scripts/compile.ts";' }, "does not use its tools"],
  [
    "an example that looks behind mod.ts",
    { "examples/drivers/echo/main.ts": 'import "../../../drivers/driver.ts";' },
    "examples import mod.ts only",
  ],
  ["an import in a type", { "drivers/driver.ts": 'export type A = import("../cli/io.ts").Io;' }, "nobody imports cli"],
  ["a folder that the map does not know", { "control/things/thing.ts": "" }, "the map does not know its folder"],
  ["a new folder at the top", { "packages/thing.ts": "" }, 'the top level is fixed and "packages" is not part of it'],
  ["a folder without a meaning", { "runtime/host/utils/text.ts": "" }, 'a folder named "utils" says nothing'],
  ["a file without a meaning", { "control/server/types.ts": "" }, 'a file named "types.ts" says nothing'],
  ["a name in camel case", { "control/server/serveAll.ts": "" }, "is not in snake_case"],
];

for (const [thing, texts, part] of REFUSED) {
  Deno.test(`findViolations() refuses ${thing}`, () => {
    const found = findViolations(house(texts)).map(formatViolation);
    assert.equal(found.length, 1, found.join("\n"));
    assert.ok(found.join().includes(part), found.join());
  });
}

Deno.test("formatViolation() names the file, the line, the import, the reason and the way out", () => {
  const files = house({ "control/catalog/delta.ts": '\nimport { Store } from "../store/sqlite.ts";' });
  assert.deepEqual(findViolations(files).map(formatViolation), [
    'control/catalog/delta.ts:2 imports "../store/sqlite.ts"\n' +
    "    why not: control/catalog/delta.ts is layer 1 (shapes); control/store/sqlite.ts is layer 3 (effects)\n" +
    "    instead: let a file of layer 3 or 4 import both and hand the one to the other as a parameter",
  ]);
});

Deno.test("scanImports() finds every form of import and the line where it stands", () => {
  const text = [
    'import "./a.ts"; // import "./no.ts"',
    'import type { B } from "./b.ts";',
    'export * from "./c.ts";',
    'export { d } from "./d.ts";',
    'const e = () => import("./e.ts");',
    'type F = import("./f.ts").F;',
    "const g = (name: string) => import(name);",
    "const h = \"import './h.ts'\";",
  ].join("\n");
  assert.deepEqual(
    scanImports("control/x/y.ts", text).map(({ specifier, line }) => `${line} ${specifier}`),
    ["1 ./a.ts", "2 ./b.ts", "3 ./c.ts", "4 ./d.ts", "5 ./e.ts", "6 ./f.ts"],
  );
});
