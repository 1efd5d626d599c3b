import { TERMINAL_TREE } from "../../../control/protocol/fs.ts";
import type { SetRule } from "../rule.ts";

/** One id, one service. */
export const duplicateServiceId: SetRule = {
  id: "duplicate-service-id",
  severity: "error",
  reason: "A `service_id` names one service of a node. `fs` and `terminal-…` belong to the built-in services.",
  check(members) {
    const owners = new Map<string, string>();
    return members.flatMap(({ service_id, origin }, member) => {
      if (service_id === undefined) return [];
      const owner = owners.get(service_id) ?? builtInOwner(service_id);
      if (owner === undefined) {
        owners.set(service_id, origin);
        return [];
      }
      return [{
        member,
        path: ["service_id"],
        message: `service_id "${service_id}" is taken by ${owner}`,
        hint: "choose another service_id",
      }];
    });
  },
};

function builtInOwner(id: string): string | undefined {
  return id.startsWith(TERMINAL_TREE) ? "the built-in terminal services" : undefined;
}
