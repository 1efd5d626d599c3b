/**
 * Lint rules of this project, read by `deno lint` through deno.json.
 *
 * Layers 0-2 (docs/architecture.md) get the machine, time, chance and streams
 * as parameters. These rules keep the ambient ones out: a pure file that uses
 * one fails the lint with the way out. Tests, acceptance suites, benches and
 * scripts are exempt. Which files are pure is said in `house_map.ts`.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { isExempt, isPure } from "./house_map.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url)).replaceAll("\\", "/");

/** The files that know which system they run on. */
const SYSTEM_FILES: ReadonlySet<string> = new Set([
  "drivers/process/os.ts",
  "drivers/process/self_command.ts",
  "drivers/process/this_system.ts",
]);

/**
 * Constructors and which of their arguments is the message. SyntaxError is not
 * among them: what a parser of a flag throws continues a sentence of the command
 * line, `Failed to parse "x" for port: …`.
 */
const ERROR_CLASSES: ReadonlyMap<string, number> = new Map([
  ["ZssError", 1],
  ["Error", 0],
  ["TypeError", 0],
  ["RangeError", 0],
]);

const GLOBAL_OBJECTS: ReadonlySet<string> = new Set(["globalThis", "self", "window"]);

/** The path that the rules go by: relative to the project, with `/`. */
function pathOf(context: Deno.lint.RuleContext): string {
  const path = context.filename.replaceAll("\\", "/");
  return path.startsWith(ROOT) ? path.slice(ROOT.length) : path;
}

/** Visits pure files only. */
function inPureFiles(create: (context: Deno.lint.RuleContext) => Deno.lint.LintVisitor): Deno.lint.Rule {
  return { create: (context) => isPure(pathOf(context)) ? create(context) : {} };
}

/** Whether an identifier stands for the global of its name, not for a member or a key that is called the same. */
function isReference(node: Deno.lint.Identifier): boolean {
  const parent = node.parent;
  switch (parent.type) {
    case "MemberExpression":
      if (parent.property !== node || parent.computed) return true;
      return parent.object.type === "Identifier" && GLOBAL_OBJECTS.has(parent.object.name);
    case "Property":
      return parent.computed || parent.value === node;
    case "MethodDefinition":
    case "PropertyDefinition":
      return parent.key !== node;
    case "TSPropertySignature":
    case "TSMethodSignature":
    case "TSEnumMember":
    case "ImportSpecifier":
    case "ExportSpecifier":
      return false;
    default:
      return true;
  }
}

/** Refuses a global by its name. */
function refuseGlobals(names: readonly string[], message: string, hint: string): Deno.lint.Rule {
  return inPureFiles((context) => ({
    Identifier(node) {
      if (names.includes(node.name) && isReference(node)) context.report({ node, message, hint });
    },
  }));
}

/** Refuses `object.member` for some members of a global. */
function refuseMembers(
  members: Readonly<Record<string, readonly string[]>>,
  context: Deno.lint.RuleContext,
  message: string,
  hint: string,
): Deno.lint.LintVisitor {
  return {
    MemberExpression(node) {
      if (node.object.type !== "Identifier" || node.property.type !== "Identifier") return;
      if (members[node.object.name]?.includes(node.property.name)) context.report({ node, message, hint });
    },
  };
}

const TIME = "Pure files do not read the clock";
const TIME_HINT = "Take the time, or a Clock, as a parameter";

const noTime = inPureFiles((context) => ({
  ...refuseMembers({ Date: ["now"] }, context, TIME, TIME_HINT),
  NewExpression(node) {
    const isNow = node.callee.type === "Identifier" && node.callee.name === "Date" && node.arguments.length === 0;
    if (isNow) context.report({ node, message: TIME, hint: TIME_HINT });
  },
  CallExpression(node) {
    if (node.callee.type !== "Identifier") return;
    if (["Date", "setTimeout", "setInterval"].includes(node.callee.name)) {
      context.report({ node, message: TIME, hint: TIME_HINT });
    }
  },
  Identifier(node) {
    if (node.name === "performance" && isReference(node)) context.report({ node, message: TIME, hint: TIME_HINT });
  },
}));

const noChance = inPureFiles((context) =>
  refuseMembers(
    { Math: ["random"], crypto: ["getRandomValues", "randomUUID"] },
    context,
    "Pure files do not draw chance",
    "Take the random bytes, or a function that draws them, as a parameter",
  )
);

const noNodeModules = inPureFiles((context) => {
  const isDigest = pathOf(context) === "control/catalog/digest.ts";
  const check = (node: Deno.lint.Node, source: { readonly value: unknown } | null, names: readonly string[]) => {
    const specifier = source?.value;
    if (typeof specifier !== "string" || !specifier.startsWith("node:")) return;
    const isHash = isDigest && specifier === "node:crypto" && names.length === 1 && names[0] === "createHash";
    if (isHash) return;
    context.report({
      node,
      message: `Pure files do not import "${specifier}"`,
      hint: isDigest
        ? "This file may import createHash from node:crypto and nothing else of it"
        : "Take what it gives as a parameter, or move the effect to a file of layer 3",
    });
  };
  return {
    ImportDeclaration(node) {
      const names = node.specifiers.map((specifier) =>
        specifier.type === "ImportSpecifier" && specifier.imported.type === "Identifier" ? specifier.imported.name : "*"
      );
      check(node, node.source, names);
    },
    ExportNamedDeclaration: (node) => check(node, node.source, []),
    ExportAllDeclaration: (node) => check(node, node.source, []),
    ImportExpression(node) {
      if (node.source.type === "Literal") check(node, node.source, []);
    },
  };
});

const oneSystemFile: Deno.lint.Rule = {
  create(context) {
    const path = pathOf(context);
    if (SYSTEM_FILES.has(path) || isExempt(path) || path.startsWith("examples/")) return {};
    const report = (node: Deno.lint.Node) =>
      context.report({
        node,
        message: "Differences between systems are kept in drivers/process/os.ts",
        hint: "Give the difference a name there and call it",
      });
    return {
      'MemberExpression[object.name="process"][property.name="platform"]': report,
      'MemberExpression[object.object.name="Deno"][object.property.name="build"][property.name="os"]': report,
      'VariableDeclarator[init.object.name="Deno"][init.property.name="build"]': report,
    };
  },
};

const oneMain: Deno.lint.Rule = {
  create(context) {
    const path = pathOf(context);
    if (path === "cli/main.ts" || isExempt(path) || path.startsWith("examples/")) return {};
    return {
      'MemberExpression[object.type="MetaProperty"][property.name="main"]'(node: Deno.lint.Node) {
        context.report({
          node,
          message: "The program starts in cli/main.ts and nowhere else",
          hint: "Export a function and let cli/main.ts call it",
        });
      },
    };
  },
};

const errorMessage: Deno.lint.Rule = {
  create(context) {
    if (isExempt(pathOf(context))) return {};
    return {
      NewExpression(node) {
        if (node.callee.type !== "Identifier") return;
        const argument = node.arguments[ERROR_CLASSES.get(node.callee.name) ?? -1];
        if (argument === undefined) return;
        const [start, end] = edgesOf(argument);
        if (start !== "" && !/^[\p{Lu}"'`]/u.test(start)) {
          context.report({
            node: argument,
            message: "An error message begins with a capital letter or a quotation mark",
            hint: "Name the action first: Cannot read …",
          });
        }
        if (end.endsWith(".")) {
          context.report({
            node: argument,
            message: "An error message has no full stop at its end",
            hint: "Leave it out",
          });
        }
      },
    };
  },
};

/** The text at both ends of a literal; empty where a value is put in, or for anything but a literal. */
function edgesOf(node: Deno.lint.Node): readonly [string, string] {
  if (node.type === "Literal") return typeof node.value === "string" ? [node.value, node.value] : ["", ""];
  if (node.type !== "TemplateLiteral") return ["", ""];
  return [node.quasis[0]?.cooked ?? "", node.quasis.at(-1)?.cooked ?? ""];
}

/** The plugin: `zss/<rule>`. */
const plugin: Deno.lint.Plugin = {
  name: "zss",
  rules: {
    "no-deno": refuseGlobals(
      ["Deno", "process"],
      "Pure files do not know the machine",
      "Take what it gives as a parameter, or move the effect to a file of layer 3",
    ),
    "no-node-modules": noNodeModules,
    "no-time": noTime,
    "no-chance": noChance,
    "no-console": refuseGlobals(
      ["console"],
      "Pure files do not write to streams",
      "Return the text, or take the stream or the logger as a parameter",
    ),
    "one-system-file": oneSystemFile,
    "one-main": oneMain,
    "error-message": errorMessage,
  },
};

export default plugin;
