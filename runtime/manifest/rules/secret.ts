import { isObject } from "../../../control/protocol/envelope.ts";
import type { ManifestRule, RuleFinding, ValuePath } from "../rule.ts";
import { objectAt, pathName, textsIn } from "./_values.ts";

/** How known secrets look; what each is called in the message. */
const KNOWN: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----/, "a private key"],
  [/\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/, "an AWS access key"],
  [/\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{22,}\b/, "a GitHub token"],
  [/\bglpat-[A-Za-z0-9_-]{20,}/, "a GitLab token"],
  [/\bxox[abeoprs]-[A-Za-z0-9-]{10,}/, "a Slack token"],
  [/\bsk-[A-Za-z0-9_-]{20,}/, "an API key"],
  [/\bAIza[0-9A-Za-z_-]{35}\b/, "a Google API key"],
  [/\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}/, "a JSON web token"],
  [/\b(?:inv|secret|lease|proj)-[0-9a-f]{32}\b|\bsw-(?:admin|user)_[A-Za-z0-9_-]{32}/, "a token of zss"],
  [/^[a-z][a-z0-9+.-]*:\/\/[^/\s:@]+:[^/\s:@]{3,}@/i, "a password in an address"],
];

/** What every known secret holds, as few and plain letters as will do: nearly every text holds none of it. */
const MARKS = /-----BEGIN|A[KS]IA|gh[pousr]_|github_pat_|glpat-|xox|sk-|AIza|eyJ|inv-|secret-|lease-|proj-|sw-|:\/\//;

const SECRET_NAME = /(?:^|[_-])(?:password|passwd|pwd|secret|token|api_?key|access_?key|private_?key|credentials?)$/i;
const SECRET_FLAG = /^--?[a-z-]*(?:password|secret|token|api-?key)=(.+)$/i;

/** Secrets in a file that is published. */
export const secret: ManifestRule = {
  id: "secret",
  severity: "warning",
  reason: "A manifest is published in the catalog and kept in version control, so a secret in it is no secret. " +
    "`runtime.env` can take a variable from the node instead.",
  check(manifest) {
    const found: RuleFinding[] = [];
    for (const { path, text } of holdsAny(manifest) ? textsIn(manifest) : []) {
      const known = KNOWN.find(([pattern]) => pattern.test(text));
      if (known !== undefined) found.push(finding(path, `looks like ${known[1]}`));
    }
    const runtime = objectAt(manifest, "runtime");
    const env = objectAt(runtime, "env");
    for (const name of Object.keys(env)) {
      if (SECRET_NAME.test(name) && isLiteral(env[name])) add(found, ["runtime", "env", name]);
    }
    if (Array.isArray(runtime["args"])) {
      runtime["args"].forEach((argument, index) => {
        const value = typeof argument === "string" ? SECRET_FLAG.exec(argument)?.[1] : undefined;
        if (isLiteral(value)) add(found, ["runtime", "args", index]);
      });
    }
    if (isObject(manifest["invoke_template"])) {
      for (const [name, value] of Object.entries(manifest["invoke_template"])) {
        if (SECRET_NAME.test(name) && isLiteral(value)) add(found, ["invoke_template", name]);
      }
    }
    return found;
  },
};

/** Whether any text in a value could be a known secret; which, and where, is asked only then. */
function holdsAny(value: unknown): boolean {
  if (typeof value === "string") return value.length >= 16 && MARKS.test(value);
  if (Array.isArray(value)) return value.some(holdsAny);
  if (!isObject(value)) return false;
  for (const name in value) if (holdsAny(value[name])) return true;
  return false;
}

function add(found: RuleFinding[], path: ValuePath): void {
  if (!found.some((other) => pathName(other.path) === pathName(path))) found.push(finding(path, "looks like a secret"));
}

/** Whether a value is more than a stand-in such as `<token>`, `$TOKEN` or `changeme`. */
function isLiteral(value: unknown): boolean {
  return typeof value === "string" && value.length >= 8 &&
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
