/**
 * Reads the imports of the project's source files.
 *
 * The parser is the one of `deno lint`, so comments, strings and templates
 * cannot be mistaken for imports. It is there in `deno test` only; whatever
 * uses {@linkcode scanImports} is therefore a test.
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";
import { GENERATED } from "./house_map.ts";
import type { ImportLine, SourceFile } from "./house_rules.ts";

/**
 * Lists static and dynamic imports, `export … from` and type imports whose
 * specifier is a literal, in the order of the text.
 *
 * @throws {SyntaxError} If the text is no TypeScript.
 */
export function scanImports(path: string, text: string): ImportLine[] {
  const found: ImportLine[] = [];
  const add = (source: { readonly value: unknown } | null, [start]: readonly [number, number]) => {
    if (typeof source?.value !== "string") return;
    found.push({ specifier: source.value, line: text.slice(0, start).split("\n").length });
  };
  const plugin: Deno.lint.Plugin = {
    name: "scan",
    rules: {
      imports: {
        create: () => ({
          ImportDeclaration: (node) => add(node.source, node.range),
          ExportAllDeclaration: (node) => add(node.source, node.range),
          ExportNamedDeclaration: (node) => add(node.source, node.range),
          ImportExpression: (node) => {
            if (node.source.type === "Literal") add(node.source, node.range);
          },
          // The parser hands out `import("x").T` with its specifier as a literal type.
          "TSImportType > TSLiteralType > Literal": (node: Deno.lint.Node) => {
            if (node.type === "Literal") add(node, node.range);
          },
        }),
      },
    },
  };
  try {
    Deno.lint.runPlugin(plugin, path, text);
  } catch (cause) {
    throw new SyntaxError(`Cannot read the imports of "${path}"`, { cause });
  }
  return found;
}

/** Lists the paths of every TypeScript file under `root`, sorted, without generated and dot folders. */
export function listSourceFiles(root: URL): string[] {
  const paths: string[] = [];
  const walk = (folder: string) => {
    for (const entry of readdirSync(new URL(folder, root), { withFileTypes: true })) {
      const path = `${folder}${entry.name}`;
      if (entry.isDirectory()) {
        if (!entry.name.startsWith(".") && !GENERATED.has(entry.name)) walk(`${path}/`);
      } else if (/\.tsx?$/.test(entry.name)) {
        paths.push(path);
      }
    }
  };
  walk("");
  return paths.sort();
}

/** Reads every source file under `root` with its imports. */
export function readSourceFiles(root: URL): SourceFile[] {
  return listSourceFiles(root).map((path) => ({
    path,
    imports: scanImports(path, readFileSync(new URL(path, root), "utf8")),
  }));
}
