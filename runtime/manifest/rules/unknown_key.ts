import { isObject } from "../../../control/protocol/envelope.ts";
import { nearest } from "../nearest.ts";
import type { JsonObject, ManifestRule, RuleFinding, ValuePath } from "../rule.ts";
import { manifestJson, runtimeBranches } from "./_schema.ts";
import { pathName, runtimeTypeOf } from "./_values.ts";

/** Members that mean nothing. */
export const unknownKey: ManifestRule = {
  id: "unknown-key",
  isInSchema: true,
  severity: "warning",
  reason: "A member that zss does not know is ignored, so a misspelt one would silently leave its default in force.",
  check(manifest) {
    const findings = unknownIn(manifest, manifestJson, [], new Set());
    const { runtime } = manifest;
    const branch = runtimeBranches.get(runtimeTypeOf(manifest));
    if (isObject(runtime) && branch !== undefined) {
      // What belongs to another type is reported by the rule runtime-field.
      const elsewhere = new Set([...runtimeBranches.values()].flatMap((other) => Object.keys(membersOf(other))));
      findings.push(...unknownIn(runtime, branch, ["runtime"], elsewhere));
    }
    return findings;
  },
};

function membersOf(schema: JsonObject): JsonObject {
  return isObject(schema["properties"]) ? schema["properties"] : {};
}

function unknownIn(value: unknown, schema: JsonObject, path: ValuePath, ignored: ReadonlySet<string>): RuleFinding[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    return isObject(items) ? value.flatMap((item, index) => unknownIn(item, items, [...path, index], ignored)) : [];
  }
  if (!isObject(value)) return [];
  const members = membersOf(schema);
  const found: RuleFinding[] = [];
  for (const name of Object.keys(value)) {
    const below = Object.hasOwn(members, name) ? members[name] : undefined;
    if (isObject(below)) found.push(...unknownIn(value[name], below, [...path, name], ignored));
    else if (schema["additionalProperties"] === false && !ignored.has(name)) {
      found.push(unknown(name, path, Object.keys(members), value));
    }
  }
  return found;
}

function unknown(name: string, path: ValuePath, known: readonly string[], among: JsonObject): RuleFinding {
  const meant = nearest(name, known.filter((other) => !Object.hasOwn(among, other)));
  const where = path.length === 0 ? "a manifest" : pathName(path);
  return {
    path: [...path, name],
    at: "key",
    message: `${JSON.stringify(name)} is no member of ${where}: it is ignored`,
    hint: meant === undefined ? "remove it, or see zss manifest explain" : `did you mean "${meant}"?`,
  };
}
