import type { JsonObject, ManifestRule } from "../rule.ts";
import { pathName, pathsOf, type PlacedText, shown } from "./_values.ts";

/** Paths that mean the same for everybody. */
export const pathClean: ManifestRule = {
  id: "path-clean",
  severity: "error",
  reason: "An endpoint or mount path has no `.` or `..` segment, no `//`, no backslash and no segment that ends in a " +
    "dot, so that it means the same place on every system and cannot leave its folder.",
  check: (manifest) =>
    [...idsOf(manifest), ...pathsOf(manifest)].flatMap(({ path, text }) => {
      const problem = problemOf(text);
      if (problem === undefined) return [];
      return [{
        path,
        message: `${pathName(path)} must not ${problem.what}: current value is ${shown(text)}`,
        ...(problem.hint === undefined ? {} : { hint: problem.hint }),
        ...(problem.mended === undefined
          ? {}
          : { fix: { title: `write ${problem.mended}`, value: JSON.stringify(problem.mended) } }),
      }];
    }),
  fixable: true,
};

/** The service_id is a segment of the path that a service has without endpoints. */
function idsOf({ service_id: text }: JsonObject): PlacedText[] {
  return typeof text === "string" && /\.$/.test(text) ? [{ path: ["service_id"], text }] : [];
}

function problemOf(text: string): { what: string; hint?: string; mended?: string } | undefined {
  if (text.includes("\\")) return { what: "hold a backslash", hint: 'segments are parted by "/" on every system' };
  const segments = text.split("/");
  if (segments.includes("..")) return { what: 'hold a ".." segment', hint: "write the path that is meant" };
  if (segments.includes(".")) return { what: 'hold a "." segment', hint: "leave it out" };
  if (segments.some((segment) => segment.endsWith("."))) {
    return { what: "have a segment that ends in a dot", hint: "Windows drops that dot, so two names would be one" };
  }
  if (text.includes("//")) return { what: 'hold "//"', mended: text.replace(/\/{2,}/g, "/") };
  return undefined;
}
