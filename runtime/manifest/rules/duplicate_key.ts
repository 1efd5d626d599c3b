import type { Node } from "jsonc-parser";
import type { TextFinding, TextRule } from "../issue_rule.ts";
import type { TextView } from "../text_view.ts";

/** Members that occur twice. */
export const duplicateKey: TextRule = {
  id: "duplicate-key",
  severity: "error",
  reason: "When a name occurs twice in one object, programs differ in which of the two they take.",
  check: (view) => view.tree === undefined ? [] : duplicates(view.tree, [], view),
};

function duplicates(node: Node, path: readonly (string | number)[], view: TextView): TextFinding[] {
  const children = node.children ?? [];
  if (node.type === "array") return children.flatMap((child, index) => duplicates(child, [...path, index], view));
  if (node.type !== "object") return [];
  const first = new Map<string, number>();
  return children.flatMap((property) => {
    const [key, value] = property.children ?? [];
    if (key === undefined) return [];
    const name = String(key.value);
    const below = value === undefined ? [] : duplicates(value, [...path, name], view);
    const place = { offset: key.offset, length: key.length, path: [...path, name] };
    if (name === "__proto__") return [{ ...place, message: 'the name "__proto__" is not accepted' }, ...below];
    const earlier = first.get(name);
    if (earlier === undefined) {
      first.set(name, key.offset);
      return below;
    }
    const { line } = view.position(earlier);
    return [{
      ...place,
      message: `${JSON.stringify(name)} occurs twice in one object: the other one is on line ${line}`,
      hint: "keep one of the two",
    }, ...below];
  });
}
