/**
 * Where every source file stands: its floor, its room and its layer.
 *
 * This is the table of docs/architecture.md, "Who may import whom", as data.
 * The lint plugin asks it which files are pure, the layer test which imports
 * are allowed. A new folder under `control/` gets its line in `CONTROL_ROOMS`
 * and in that table; new folders under `drivers/` and `runtime/` are effects
 * (layer 3) without further words.
 *
 * Paths are relative to the root of the project and use `/`.
 *
 * @module
 */

/** The four floors, lowest first; every import arrow runs down. */
export const FLOORS = ["drivers", "control", "runtime", "face"] as const;

/** One of the four floors; `face` holds `cli/` and `mod.ts`. */
export type Floor = typeof FLOORS[number];

/** 0 words, 1 shapes, 2 pure rules, 3 effects, 4 assemblies, 5 face. */
export type Layer = 0 | 1 | 2 | 3 | 4 | 5;

/** What each layer is called in the table. */
export const LAYER_NAMES = ["words", "shapes", "pure rules", "effects", "assemblies", "face"] as const;

/** Where a file of the product stands. */
export interface Place {
  readonly path: string;
  readonly floor: Floor;
  /** The folder whose files may import each other, for example `control/store`. */
  readonly room: string;
  readonly layer: Layer;
}

const CONTROL_ROOMS: ReadonlyMap<string, Layer> = new Map([
  ["protocol", 0],
  ["catalog", 1],
  ["policy", 2],
  ["worldfs", 2],
  ["store", 3],
  ["events", 3],
  ["pairing", 3],
  ["projects", 3],
  ["audit", 3],
  ["metrics", 3],
  ["client", 3],
  ["listen", 3],
  ["sessions", 4],
  ["relay", 4],
  ["acheron", 4],
  ["extensions", 4],
  ["web", 4],
  ["server", 4],
]);

/** Files that stand in another layer than the rest of their folder. */
const SINGLE_FILES: ReadonlyMap<string, Layer> = new Map([
  ["drivers/driver.ts", 0],
  ["drivers/process/reserved_variables.ts", 0],
  ["runtime/node.ts", 4],
  ["runtime/node_check.ts", 4],
  ["runtime/pairing.ts", 4],
  ["runtime/standalone_node.ts", 4],
  // Ports and the pure rules that several rooms share: types of a port must be nameable where it is a parameter.
  ["control/metrics/distribution.ts", 2],
  ["control/metrics/exposition.ts", 2],
  ["control/store/store.ts", 2],
  ["control/store/records.ts", 2],
  ["runtime/namespace/tree.ts", 2],
  ["runtime/namespace/service_port.ts", 2],
  ["runtime/supervision/machine.ts", 2],
  ["runtime/supervision/numbers.ts", 2],
  ["runtime/supervision/policy.ts", 2],
  ["runtime/supervision/snapshot.ts", 2],
  ["runtime/supervision/status.ts", 2],
  ["runtime/reload/plan.ts", 2],
  ["runtime/manifest/load.ts", 3],
  ["runtime/manifest/lint_files.ts", 3],
  ["runtime/manifest/manifest_files.ts", 3],
  ["runtime/manifest/machine_probe.ts", 3],
  // A table of contents stands as high as the highest file that it lists.
  ["runtime/manifest/mod.ts", 3],
  ["control/mod.ts", 4],
  ["drivers/mod.ts", 4],
  ["runtime/mod.ts", 4],
  ["mod.ts", 5],
]);

/** Folders and files that implement one port; none of a group imports another. */
export const PORT_SIBLINGS: readonly (readonly string[])[] = [
  ["control/store/memory", "control/store/sqlite"],
  ["drivers/native_proc", "drivers/native_inproc", "drivers/wasm", "drivers/builtin"],
];

/**
 * Files behind a folder's mod.ts that the face may import by themselves: they load
 * nothing heavy, so a command that needs no more of the folder starts without it
 * (zod alone takes as long as the runtime's own start).
 */
export const LIGHT_FACES: ReadonlySet<string> = new Set([
  "control/protocol/diagnostic.ts",
  "control/protocol/envelope.ts",
  "control/protocol/errors.ts",
  "control/protocol/json.ts",
  "drivers/driver.ts",
  "drivers/process/clock.ts",
  "drivers/process/helper_role.ts",
  "drivers/process/this_system.ts",
  "runtime/manifest/lint_files.ts",
  "runtime/state/atomic_file.ts",
]);

/** Everything that may stand at the top of the project besides dot files. */
export const TOP_LEVEL: ReadonlySet<string> = new Set([
  ..."mod.ts cli runtime control drivers examples scripts docs tests bench schemas testdata".split(" "),
  ..."deno.json deno.lock README.md LICENSE CHANGELOG.md SECURITY.md".split(" "),
]);

/** Made by tools and kept out of the repository. */
export const GENERATED: ReadonlySet<string> = new Set(["dist", "coverage", "node_modules"]);

/** Folder names that say nothing, at any depth. */
export const EMPTY_FOLDER_NAMES: ReadonlySet<string> = new Set(["src", "lib", "core", "common", "utils"]);

/** File names that say nothing, at any depth. */
export const EMPTY_FILE_NAMES: ReadonlySet<string> = new Set(["types.ts", "utils.ts", "common.ts", "helpers.ts"]);

const TOOL_FOLDERS = ["tests/", "bench/", "scripts/", "testdata/"];

/** Whether a file is a test or the acceptance suite of a port. */
export function isTestFile(path: string): boolean {
  return /_(test|contract)\.tsx?$/.test(path) || path.startsWith("tests/");
}

/** Whether a file may import anything and use the machine: tests, benches, scripts. */
export function isExempt(path: string): boolean {
  return isTestFile(path) || TOOL_FOLDERS.some((folder) => path.startsWith(folder));
}

/**
 * Finds where a file stands.
 *
 * Says nothing of exemption: `control/store/sqlite_test.ts` stands in
 * `control/store` too; ask {@linkcode isExempt} first where that matters.
 *
 * @returns Undefined for a file outside the four floors (`examples/`, `scripts/`) and
 * for one in a folder that the map does not know.
 */
export function placeOf(path: string): Place | undefined {
  const parts = path.split("/");
  const [top = "", second = ""] = parts;
  const floor = path === "mod.ts" || top === "cli" ? "face" : FLOORS.find((name) => name === top);
  if (floor === undefined) return undefined;
  const single = SINGLE_FILES.get(path);
  const room = floor === "face" ? top : parts.length > 2 ? `${top}/${second}` : path;
  if (single !== undefined) return { path, floor, room, layer: single };
  if (floor === "face") return { path, floor, room, layer: 5 };
  if (parts.length < 3) return undefined;
  if (floor === "control") {
    const layer = CONTROL_ROOMS.get(second);
    return layer === undefined ? undefined : { path, floor, room, layer };
  }
  if (floor === "drivers" && parts.length === 3 && parts[2] === "config.ts") return { path, floor, room, layer: 0 };
  return { path, floor, room, layer: room === "runtime/manifest" ? 2 : 3 };
}

/** Whether a file belongs to layers 0-2, where time, chance, streams and the machine are parameters. */
export function isPure(path: string): boolean {
  const place = placeOf(path);
  return place !== undefined && place.layer <= 2 && !isExempt(path);
}
