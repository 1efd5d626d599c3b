/**
 * Who may import whom, decided over a list of files and their imports.
 *
 * Pure: the caller reads the files and finds the imports (`import_scan.ts`).
 * The rules are those of docs/architecture.md; each finding says which import
 * is wrong, why, and what would be right.
 *
 * @module
 */

import {
  EMPTY_FILE_NAMES,
  EMPTY_FOLDER_NAMES,
  FLOORS,
  GENERATED,
  isExempt,
  isTestFile,
  LAYER_NAMES,
  LIGHT_FACES,
  type Place,
  placeOf,
  PORT_SIBLINGS,
  TOP_LEVEL,
} from "./house_map.ts";

/** One import, export-from or import() with a literal specifier. */
export interface ImportLine {
  readonly specifier: string;
  /** 1-based. */
  readonly line: number;
}

/** A source file as the rules see it. */
export interface SourceFile {
  /** Relative to the root of the project, with `/`. */
  readonly path: string;
  readonly imports: readonly ImportLine[];
}

/** A broken rule. */
export interface Violation {
  readonly path: string;
  /** 1-based; 0 when the file itself is the finding. */
  readonly line: number;
  readonly specifier: string;
  readonly why: string;
  readonly instead: string;
}

type Refusal = Pick<Violation, "why" | "instead">;

const SELF = "@zss/zss";
const CODE = /\.(ts|tsx|mts|js|jsx|mjs)$/;
const NPM_BY_LAYER: readonly (readonly string[])[] = [["zod"], ["zod"], [
  "zod",
  "jsonc-parser",
  "@cfworker/json-schema",
]];
/** What the runtime floor may see of the control floor. */
const RUNTIME_USES = [
  "control/protocol",
  "control/catalog",
  "control/policy",
  "control/client",
  "control/listen",
  "control/metrics",
];
/** Of layer 3, and yet for every file of the runtime floor. */
const RUNTIME_TOOLS = ["control/client", "control/listen"];

/** Lists every broken rule, in the order of the files, circles last. */
export function findViolations(files: readonly SourceFile[]): Violation[] {
  return [...files.flatMap((file) => [...nameViolations(file), ...importViolations(file)]), ...circleViolations(files)];
}

/** Writes a violation as one readable paragraph. */
export function formatViolation(violation: Violation): string {
  const at = violation.line > 0 ? `${violation.path}:${violation.line}` : violation.path;
  const what = violation.specifier === "" ? "" : ` imports "${violation.specifier}"`;
  return `${at}${what}\n    why not: ${violation.why}\n    instead: ${violation.instead}`;
}

function nameViolations({ path }: SourceFile): Violation[] {
  const found: Violation[] = [];
  const add = (why: string, instead: string) => found.push({ path, line: 0, specifier: "", why, instead });
  const parts = path.split("/");
  const [top = ""] = parts;
  const name = parts.at(-1) ?? "";
  if (!TOP_LEVEL.has(top) && !GENERATED.has(top) && !top.startsWith(".")) {
    add(`the top level is fixed and "${top}" is not part of it`, "put the file in a folder of docs/architecture.md");
  }
  if (top === "testdata" || top === "examples") return found;
  const empty = parts.slice(0, -1).find((part) => EMPTY_FOLDER_NAMES.has(part));
  if (empty !== undefined) add(`a folder named "${empty}" says nothing`, "name the folder after what is in it");
  if (EMPTY_FILE_NAMES.has(name)) add(`a file named "${name}" says nothing`, "name the file after its main export");
  if (!/^_?[a-z0-9]+(_[a-z0-9]+)*(\.d)?\.tsx?$/.test(name)) {
    add(`"${name}" is not in snake_case`, "name the file after its main export, in snake_case");
  }
  if (!isExempt(path) && FLOORS.some((floor) => floor === top) && placeOf(path) === undefined) {
    add(
      "the map does not know its folder, so it has no layer",
      "move it into a folder of docs/architecture.md, or add the folder there and in scripts/house_map.ts",
    );
  }
  return found;
}

function importViolations(file: SourceFile): Violation[] {
  if (isExempt(file.path)) return [];
  return file.imports.flatMap(({ specifier, line }) => {
    const refusal = refuse(file.path, specifier);
    return refusal === undefined ? [] : [{ path: file.path, line, specifier, ...refusal }];
  });
}

function refuse(path: string, specifier: string): Refusal | undefined {
  const target = resolveImport(path, specifier);
  if (target === undefined) return refusePackage(path, specifier);
  if (!CODE.test(target)) return undefined; // Data: JSON, pages, texts.
  if (path.startsWith("examples/")) return refuseInExample(path, target);
  const from = placeOf(path);
  if (from === undefined) return undefined; // Reported by its name already.
  if (isExempt(target)) return refuseTool(from, target);
  const to = placeOf(target);
  if (to === undefined) {
    if (!target.startsWith("examples/")) return undefined; // Likewise, when that file is read.
    return { why: "the product does not use its examples", instead: "move the shared part into the product" };
  }
  return refuseFile(from, to);
}

/** Finds the file that a relative specifier, or the package's own name, means; undefined for anything else. */
export function resolveImport(path: string, specifier: string): string | undefined {
  if (specifier === SELF) return "mod.ts";
  if (!specifier.startsWith("./") && !specifier.startsWith("../")) return undefined;
  const parts = path.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function refusePackage(path: string, specifier: string): Refusal | undefined {
  if (/^(jsr|https?|npm):/.test(specifier)) {
    return {
      why: "a dependency is named and pinned in one place, and comes from npm",
      instead: "add it to the imports of deno.json with an exact version and import it by name",
    };
  }
  const node = specifier.startsWith("node:");
  if (path.startsWith("examples/")) {
    if (node) return undefined;
    return { why: "examples import mod.ts only", instead: "show what mod.ts offers, or use a node: module" };
  }
  const from = placeOf(path);
  if (from === undefined) return undefined;
  if (path === "mod.ts") {
    return { why: "mod.ts is a list of names of this project", instead: "export the names from a folder's mod.ts" };
  }
  if (from.layer >= 3) return undefined;
  if (node) {
    if (path === "control/catalog/digest.ts" && specifier === "node:crypto") return undefined;
    return {
      why: `${standing(from)} and must not know the machine`,
      instead: "take what it needs as a parameter, or move the effect to a file of layer 3",
    };
  }
  const allowed = NPM_BY_LAYER[from.layer] ?? [];
  const name = specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
  if (allowed.includes(name)) return undefined;
  return { why: `${standing(from)} and may import only ${allowed.join(" and ")} from npm`, instead: MOVE_UP };
}

const MOVE_UP = "let a file of layer 3 or 4 import both and hand the one to the other as a parameter";

function refuseInExample(path: string, target: string): Refusal | undefined {
  const folder = path.split("/").slice(0, 3).join("/");
  if (target === "mod.ts" || target.startsWith(`${folder}/`) || target === path) return undefined;
  return { why: "examples import mod.ts only", instead: "import the name from mod.ts, as an outsider would" };
}

function refuseTool(from: Place, target: string): Refusal | undefined {
  const isFace = from.path === "mod.ts" || from.path.endsWith("/mod.ts");
  if (isFace && target.endsWith("_contract.ts")) return undefined;
  if (isTestFile(target)) {
    return { why: "the product does not use its tests", instead: "move the shared part into a file of the product" };
  }
  return { why: "the product does not use its tools", instead: "move the shared part into a file of the product" };
}

function refuseFile(from: Place, to: Place): Refusal | undefined {
  if (to.room === "cli" && from.room !== "cli") {
    return { why: "nobody imports cli", instead: "move the shared part down, or take it as a parameter" };
  }
  if (areSiblings(from.path, to.path)) {
    return {
      why: "implementations of one port never import each other",
      instead: "move the shared part into a file of its own beside the port, or into drivers/process",
    };
  }
  if (from.room === to.room) {
    if (to.layer <= from.layer) return undefined;
    return { why: `${standing(from)}; ${standing(to)}`, instead: "keep the pure file pure: the other one imports it" };
  }
  if (from.floor === "face") return refuseInFace(from, to);
  return refuseFloor(from, to) ?? refuseLayer(from, to);
}

function refuseInFace(from: Place, to: Place): Refusal | undefined {
  if (to.floor !== "face") {
    if (to.path.endsWith("/mod.ts")) return undefined;
    if (LIGHT_FACES.has(to.path)) return undefined;
  }
  return {
    why: `${from.room} uses the mod.ts of each folder and nothing behind it`,
    instead: to.floor === "face" ? "import the folder's mod.ts" : `export the name from ${to.room}/mod.ts`,
  };
}

function refuseFloor(from: Place, to: Place): Refusal | undefined {
  if (FLOORS.indexOf(to.floor) > FLOORS.indexOf(from.floor)) {
    return {
      why: `every arrow runs down: ${to.floor} stands over ${from.floor}`,
      instead: "turn the import round, or take what it needs as a parameter",
    };
  }
  if (from.floor === "control" && to.floor === "drivers" && to.room !== "drivers/process") {
    return { why: "control uses of drivers only drivers/process", instead: MOVE_UP };
  }
  if (from.floor === "runtime" && to.floor === "control" && !RUNTIME_USES.includes(to.room)) {
    return { why: `runtime uses of control only ${RUNTIME_USES.join(", ")}`, instead: "ask through control/client" };
  }
  return undefined;
}

function refuseLayer(from: Place, to: Place): Refusal | undefined {
  if (to.layer <= highest(from)) return undefined;
  // What the drivers' manifests have in common stands in one place.
  if (from.layer === 0 && to.path === "drivers/process/config.ts") return undefined;
  if (from.layer === 2 && from.room === "control/worldfs" && to.room === "control/policy") return undefined;
  if (from.layer === 3) {
    if (to.room === "drivers/process") return undefined;
    if (from.floor === "runtime" && RUNTIME_TOOLS.includes(to.room)) return undefined;
    if (to.path.endsWith("/mod.ts") && to.layer === 3) {
      return {
        why: `${standing(from)}; ${to.path} lists files of layer 3`,
        instead: `import the file of layer 0-2 itself; for an effect: ${MOVE_UP}`,
      };
    }
  }
  return { why: `${standing(from)}; ${standing(to)}`, instead: MOVE_UP };
}

/** The highest layer outside its own room that a file may import without further words; -1 for none. */
function highest(from: Place): number {
  if (from.layer === 4) return 4;
  return from.layer - 1;
}

function areSiblings(one: string, other: string): boolean {
  const groupMember = (path: string) =>
    PORT_SIBLINGS.flat().find((stem) => path.startsWith(stem) && /^([/_.]|$)/.test(path.slice(stem.length)));
  const a = groupMember(one);
  const b = groupMember(other);
  if (a === undefined || b === undefined || a === b) return false;
  return PORT_SIBLINGS.some((group) => group.includes(a) && group.includes(b));
}

function standing(place: Place): string {
  return `${place.path} is layer ${place.layer} (${LAYER_NAMES[place.layer]})`;
}

/** Reports each import that closes a circle, with the way round. */
function circleViolations(files: readonly SourceFile[]): Violation[] {
  const byPath = new Map(files.filter((file) => !isExempt(file.path)).map((file) => [file.path, file]));
  const done = new Set<string>();
  const trail: string[] = [];
  const found: Violation[] = [];
  const visit = (file: SourceFile) => {
    trail.push(file.path);
    for (const { specifier, line } of file.imports) {
      const target = resolveImport(file.path, specifier);
      const next = target === undefined ? undefined : byPath.get(target);
      if (next === undefined || done.has(next.path)) continue;
      const start = trail.indexOf(next.path);
      if (start < 0) {
        visit(next);
        continue;
      }
      found.push({
        path: file.path,
        line,
        specifier,
        why: `it closes a circle: ${[...trail.slice(start), next.path].join(" -> ")}`,
        instead: "move what both need into a third file",
      });
    }
    trail.pop();
    done.add(file.path);
  };
  for (const file of byPath.values()) if (!done.has(file.path)) visit(file);
  return found;
}
