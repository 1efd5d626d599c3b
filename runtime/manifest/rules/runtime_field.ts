import { isObject } from "../../../control/protocol/envelope.ts";
import type { ManifestRule } from "../rule.ts";
import { runtimeBranches } from "./_schema.ts";
import { listed, runtimeTypeOf } from "./_values.ts";

/** Members of another type of runtime. */
export const runtimeField: ManifestRule = {
  id: "runtime-field",
  isInSchema: true,
  severity: "error",
  reason: "Each type of runtime has members of its own. One that belongs to another type means that the type or the " +
    "member is wrong, and the service would not run what was meant.",
  check(manifest) {
    const { runtime } = manifest;
    const type = runtimeTypeOf(manifest);
    const own = runtimeBranches.get(type);
    if (!isObject(runtime) || own === undefined) return [];
    return Object.keys(runtime).flatMap((name) => {
      if (hasMember(own, name)) return [];
      const owners = [...runtimeBranches].filter(([, branch]) => hasMember(branch, name)).map(([owner]) => owner);
      if (owners.length === 0) return [];
      const stated = runtime["type"] === undefined ? 'absent, which means "builtin"' : `"${type}"`;
      return [{
        path: ["runtime", name],
        at: "key" as const,
        message: `runtime.${name} belongs to ${listed(owners, "and")}: runtime.type is ${stated}`,
        hint: owners.length === 1
          ? `set "type": "${owners[0]}", or remove the member`
          : "correct the type, or remove it",
      }];
    });
  },
};

function hasMember(branch: Readonly<Record<string, unknown>>, name: string): boolean {
  return isObject(branch["properties"]) && Object.hasOwn(branch["properties"], name);
}
