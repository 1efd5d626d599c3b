/**
 * Ways for rules to look into a manifest that need not fit the schema.
 *
 * @module
 */

import { isObject } from "../../../control/protocol/envelope.ts";
import type { JsonObject, ValuePath } from "../rule.ts";
import { maskSecrets } from "./_secrets.ts";

/** A text and where it stands. */
export interface PlacedText {
  readonly path: ValuePath;
  readonly text: string;
}

const NOTHING: JsonObject = {};

/** A member that is an object; an empty one for anything else. */
export function objectAt(parent: JsonObject, name: string): JsonObject {
  const value = parent[name];
  return isObject(value) ? value : NOTHING;
}

/** Every endpoint and mount path that is text. */
export function pathsOf(manifest: JsonObject): PlacedText[] {
  const { endpoints, mounts } = manifest;
  const found: PlacedText[] = [];
  if (Array.isArray(endpoints)) {
    endpoints.forEach((text, index) => {
      if (typeof text === "string") found.push({ path: ["endpoints", index], text });
    });
  }
  if (Array.isArray(mounts)) {
    mounts.forEach((mount, index) => {
      const text = isObject(mount) ? mount["mount_path"] : undefined;
      if (typeof text === "string") found.push({ path: ["mounts", index, "mount_path"], text });
    });
  }
  return found;
}

/** The type of the runtime; what an absent one stands for. */
export function runtimeTypeOf(manifest: JsonObject): unknown {
  const { runtime } = manifest;
  if (runtime === undefined) return "native_proc";
  return isObject(runtime) ? runtime["type"] ?? "builtin" : undefined;
}

/** Every text in a value, at any depth. */
export function* textsIn(value: unknown, path: ValuePath = []): Generator<PlacedText> {
  if (typeof value === "string") yield { path, text: value };
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      yield* textsIn(item, [...path, index]);
    }
  } else if (isObject(value)) {
    for (const name of Object.keys(value)) {
      yield* textsIn(value[name], [...path, name]);
    }
  }
}

/** A path as people write it: `mounts[0].mount_path`. */
export function pathName(path: ValuePath): string {
  return path.map((part, index) => typeof part === "number" ? `[${part}]` : index === 0 ? part : `.${part}`).join("");
}

/** A value in a message: short, on one line. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : "an array";
  if (isObject(value)) return "an object";
  const text = maskSecrets(JSON.stringify(value) ?? "nothing");
  return text.length > 80 ? `${text.slice(0, 72)}…" (${String(value).length} characters)` : text;
}

/** `"a", "b" or "c"`. */
export function listed(values: readonly unknown[], word: "and" | "or"): string {
  const texts = values.map((value) => JSON.stringify(value));
  const last = texts.pop();
  return texts.length === 0 ? `${last}` : `${texts.join(", ")} ${word} ${last}`;
}
