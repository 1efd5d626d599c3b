/**
 * What a rule of the linter is.
 *
 * A rule looks at the plain JSON of a manifest, which need not fit the schema,
 * and names places by their path in it. It never sees text: where a place
 * stands in the file is found by `places.ts`, and only when there is something
 * to say about it. So the common case, a manifest without a finding, costs one
 * `JSON.parse` and one look by each rule.
 *
 * Adding a rule is adding a file in `rules/`, a line in `rules/mod.ts`, a
 * section in docs/lint_rules.md and two pairs in testdata/lint.
 *
 * @module
 */

import type { Severity } from "../../control/protocol/diagnostic.ts";

/** A JSON object of unknown content. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The way from the root of a manifest to a value: names of members and indexes. */
export type ValuePath = readonly (string | number)[];

/** What a rule found, before its place in the text is known. */
export interface RuleFinding {
  /** The value at fault; one that is missing is reported at the nearest object above it. */
  readonly path: ValuePath;
  /** What is wrong, what was found and what is wanted; one sentence without a full stop. */
  readonly message: string;
  /** The next step. */
  readonly hint?: string;
  /** Whether the name of the member is at fault, not its value. @default {"value"} */
  readonly at?: "key" | "value";
  /** A safe way to mend it: the text of the new value, as JSON. */
  readonly fix?: { readonly title: string; readonly value: string };
}

/** What a rule may ask besides the manifest. */
export interface RuleContext {
  /** What stands for `{node_id}`. */
  readonly nodeId: string;
  /**
   * What a JSON Schema says against a value: one sentence each, with the path
   * below the value; empty when the value fits.
   */
  refusals(schema: JsonObject, value: unknown): readonly { readonly path: ValuePath; readonly message: string }[];
}

/** What every rule says about itself. */
export interface RuleInfo {
  /** Name in findings, for example `mount-overlap`. */
  readonly id: string;
  readonly severity: Severity;
  /** What the rule wants and why, for a person; one or two sentences. */
  readonly reason: string;
  /** Whether `--fix` can mend what it finds. @default {false} */
  readonly fixable?: boolean;
}

/** A rule about one manifest by itself. */
export interface ManifestRule extends RuleInfo {
  /** Whether a manifest that fits the JSON Schema cannot break it; the quick look then leaves it out. @default {false} */
  readonly isInSchema?: boolean;
  check(manifest: JsonObject, context: RuleContext): readonly RuleFinding[];
}

/** A manifest among others. */
export interface SetMember {
  /** File as the user named it, or what else it is, for example `the built-in fs service`. */
  readonly origin: string;
  readonly service_id: string | undefined;
  /** Where it is mounted, with `{node_id}` replaced, and the value that says so. */
  readonly mounts: readonly { readonly path: string; readonly from: ValuePath }[];
}

/** A finding about one member of a set. */
export interface SetFinding extends RuleFinding {
  /** Index of the member at fault. */
  readonly member: number;
}

/** A rule about manifests that are loaded together. */
export interface SetRule extends RuleInfo {
  check(members: readonly SetMember[]): readonly SetFinding[];
}

/** A rule that asks the machine; it runs only when the user wants that. */
export interface MachineRule extends RuleInfo {
  check(manifest: JsonObject, probe: MachineProbe): Promise<readonly RuleFinding[]>;
}

/** What rules ask of the machine. Nothing here throws for what the machine holds. */
export interface MachineProbe {
  /** The system that programs would run on: names as in `platform` on the wire (`linux`, `x86_64`). */
  readonly system: { readonly os: string; readonly arch: string };
  /** Looks for a program as the native_proc driver does: a bare name on PATH, a path from the folder of the node. */
  program(
    name: string,
    cwd: string | undefined,
  ): Promise<{ readonly found: true; readonly file: string } | { readonly found: false; readonly reason: string }>;
  /** Looks for a file: a library or a module. */
  file(
    path: string,
  ): Promise<{ readonly found: true; readonly file: string } | { readonly found: false; readonly reason: string }>;
  /** For which systems the machine code in a file is; empty for a file that holds none, such as a script. */
  machineCode(file: string): Promise<readonly { readonly os: string; readonly arch: string }[]>;
  /** SHA-256 of a file, 64 hex digits; undefined when it cannot be read. */
  sha256(file: string): Promise<string | undefined>;
  /** Loads a shared library in a process of its own and looks for a symbol. */
  library(
    file: string,
    symbol: string,
  ): Promise<
    { readonly ok: true } | { readonly ok: false; readonly problem: "load" | "symbol"; readonly reason: string }
  >;
  /** Reads a WebAssembly module without running it. */
  wasm(
    file: string,
  ): Promise<
    | {
      readonly ok: true;
      readonly exports: readonly { readonly name: string; readonly kind: string }[];
      readonly imports: readonly { readonly module: string; readonly name: string; readonly kind: string }[];
    }
    | { readonly ok: false; readonly reason: string }
  >;
}
