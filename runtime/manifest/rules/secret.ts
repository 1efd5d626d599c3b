import { isObject } from "../../../control/protocol/envelope.ts";
import type { ManifestRule, RuleFinding, ValuePath } from "../rule.ts";
import { KNOWN_SECRETS, mayHoldSecret } from "./_secrets.ts";
import { objectAt, pathName, textsIn } from "./_values.ts";

const SECRET_NAME =
  /(?:password|passwd|pwd|secret|token|api_?key|access_?key|private_?key|credentials?)(?:_[a-z0-9]{1,12})?$/i;
const SECRET_FLAG = /^--?[a-z_-]*(?:password|secret|token|api[-_]?key)(?:=(.+))?$/i;

/** Secrets in a file that is published. */
export const secret: ManifestRule = {
  id: "secret",
  severity: "warning",
  reason: "A manifest is published in the catalog and kept in version control, so a secret in it is no secret. " +
    "`runtime.env` can take a variable from the node instead.",
  check(manifest) {
    const found: RuleFinding[] = [];
    for (const { path, text } of holdsAny(manifest) ? textsIn(manifest) : []) {
      const known = KNOWN_SECRETS.find(([pattern]) => pattern.test(text));
      if (known !== undefined) found.push(finding(path, `looks like ${known[1]}`));
    }
    const runtime = objectAt(manifest, "runtime");
    const env = objectAt(runtime, "env");
    for (const name of Object.keys(env)) {
      if (found.length < MOST_FINDINGS && SECRET_NAME.test(name) && isLiteral(env[name])) {
        add(found, ["runtime", "env", name]);
      }
    }
    if (Array.isArray(runtime["args"])) {
      const args: unknown[] = runtime["args"];
      args.forEach((argument, index) => {
        const match = typeof argument === "string" ? SECRET_FLAG.exec(argument) : null;
        if (match === null) return;
        // The value stands behind the flag, or is the next argument.
        if (isLiteral(match[1])) add(found, ["runtime", "args", index]);
        else if (match[1] === undefined && isLiteral(args[index + 1])) add(found, ["runtime", "args", index + 1]);
      });
    }
    if (isObject(manifest["invoke_template"])) {
      for (const [name, value] of Object.entries(manifest["invoke_template"])) {
        if (SECRET_NAME.test(name) && isLiteral(value)) add(found, ["invoke_template", name]);
      }
    }
    return found.slice(0, MOST_FINDINGS);
  },
};

/** More of them in one manifest say nothing new. */
const MOST_FINDINGS = 100;

/** Whether any text in a value could be a known secret; which, and where, is asked only then. */
function holdsAny(value: unknown): boolean {
  if (typeof value === "string") return mayHoldSecret(value);
  if (Array.isArray(value)) return value.some(holdsAny);
  if (!isObject(value)) return false;
  for (const name in value) if (holdsAny(value[name])) return true;
  return false;
}

function add(found: RuleFinding[], path: ValuePath): void {
  // One that is known by its form stands in the list already; the list is short, names are many.
  if (!found.some((other) => other.path.length === path.length && pathName(other.path) === pathName(path))) {
    found.push(finding(path, "looks like a secret"));
  }
}

/** Whether a value is more than a stand-in such as `<token>`, `$TOKEN` or `changeme`. */
function isLiteral(value: unknown): boolean {
  return typeof value === "string" && value.length >= 8 && !value.includes(" ") &&
    !/^[<$%{]|^(?:changeme|example|your|xxx|\*\*\*)/i.test(value);
}

/** The value itself is never shown: findings go to logs. */
function finding(path: ValuePath, what: string): RuleFinding {
  return {
    path,
    message: `${pathName(path)} ${what}: manifests are published`,
    hint: path[1] === "env"
      ? "write true instead: the program then gets the variable of the node"
      : "take it from the node's environment with runtime.env",
  };
}
