import { nearest } from "../nearest.ts";
import type { ManifestRule } from "../rule.ts";
import { pathName, pathsOf } from "./_values.ts";

/** Only `{node_id}` is replaced. */
export const placeholder: ManifestRule = {
  id: "placeholder",
  severity: "error",
  reason:
    "`{node_id}` is the only placeholder, and only endpoints and mount paths may hold it. Any other brace would " +
    "stay in the path as it is.",
  check: (manifest) =>
    pathsOf(manifest).flatMap(({ path, text }) => {
      const rest = text.replaceAll("{node_id}", "");
      const found = /\{[^{}]*\}?|\}/.exec(rest)?.[0];
      if (found === undefined) return [];
      const word = found.replace(/[{}]/g, "");
      const meant = found.startsWith("{") && nearest(word, ["node_id"]) !== undefined;
      return [{
        path,
        message: found.startsWith("{") && found.endsWith("}")
          ? `${pathName(path)} must hold no placeholder but {node_id}: ${found} found`
          : `${pathName(path)} must hold no lone brace: "${found.slice(0, 1)}" found`,
        hint: meant ? "did you mean {node_id}?" : "the only placeholder is {node_id}",
      }];
    }),
};
