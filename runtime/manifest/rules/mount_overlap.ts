import type { SetFinding, SetRule } from "../rule.ts";
import { shown } from "./_values.ts";

interface Claim {
  readonly member: number;
  readonly mount: number;
}

/** Nothing is mounted twice, or inside something else. */
export const mountOverlap: SetRule = {
  id: "mount-overlap",
  severity: "error",
  reason: "Two mounts at one path, or one below the other, would hide each other's files.",
  check(members) {
    const claims = new Map<string, Claim>();
    const folders = new Map<string, Claim>();
    const found: SetFinding[] = [];
    members.forEach(({ service_id, mounts }, member) => {
      mounts.forEach(({ path, from }, mount) => {
        const place = path.replace(/\/+$/, "");
        const ancestors = ancestorsOf(place);
        const other = claims.get(place) ?? folders.get(place) ??
          ancestors.map((ancestor) => claims.get(ancestor)).find((claim) => claim !== undefined);
        if (other === undefined) {
          claims.set(place, { member, mount });
          for (const ancestor of ancestors) folders.set(ancestor, { member, mount });
          return;
        }
        const owner = members[other.member];
        // Whoever has the id of another has its usual place too; the id is reported already.
        if (from[0] === "service_id" && owner?.service_id === service_id) return;
        const taken = owner?.mounts[other.mount]?.path ?? "";
        const whose = other.member === member ? "this manifest" : owner?.origin ?? "";
        found.push({
          member,
          path: from,
          message: taken.replace(/\/+$/, "") === place
            ? `mount path ${shown(path)} is taken by ${whose}`
            : `mount path ${shown(path)} overlaps ${shown(taken)} of ${whose}`,
          hint: "mount it elsewhere",
        });
      });
    });
    return found;
  },
};

function ancestorsOf(path: string): string[] {
  const found: string[] = [];
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) found.push(path.slice(0, end));
  // Whatever is mounted at the root holds everything.
  if (path !== "") found.push("");
  return found;
}
