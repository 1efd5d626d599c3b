/**
 * Writes docs/policy.md from the table that the rules are tested against.
 *
 * @module
 */

import { projectCells, serviceCells } from "../control/policy/decision_cells.ts";

const ACTIONS = table(["Action", "What it covers"], [
  ["`read`", "see the project, its mounts and its workspace; read the mounted folders; bind a session to it"],
  ["`observe`", "watch the nodes that are mounted in it"],
  ["`invoke`", "see and call the services of those nodes that take invokes; write to mounted folders"],
  ["`mount`", "mount folders and take mounts away"],
  ["`admin`", "change and delete the project, make and end its token; switch its services off, configure them"],
]);

const INTRO = `# Who may see and do what

<!-- written by deno task generate from control/policy/decision_cells.ts -->

An **admin** may do everything. Everybody else works in **projects**: a project mounts folders of nodes, and its
**access policy** says who may do what with it. There are five actions:

${ACTIONS}
and four modes: \`open\` (everybody with a token of the server), \`token\` (whoever gives the project's token), \`admin\`
(admins only), \`deny\` (nobody but admins). What decides is, in this order: the override for the agent of the session,
the policy of the project, and where neither says anything: the project's token if it has one, else the project is
**private to whoever made it**.

\`\`\`sh
zss project create site
zss project update proj-1 --access read=open --access observe=open --agent-access bob:invoke=deny
zss explain visibility /nodes/node-1/camera --as alice
\`\`\`

A node is mounted first by an admin, or by an operator with the scope \`project\`; after that by whoever sees it and may
mount. Otherwise everybody could grant itself the sight of any node. Overrides are about the **agent** that a session is
bound to, which its user chooses: they say what an agent should do, they do not keep a user from anything.

A service shows only if its own \`permissions\` let the role see it. They fail closed: what cannot be read hides the
service; a manifest without permissions is published as \`default: deny-by-default\`, so a service that users are to see
says \`"permissions": {"default": "deny-by-default", "allow_roles": ["user"]}\`. What is hidden is absent everywhere: in
the watch, in the workspace, in the tree. When a policy, a mount or a token changes, those who watch get an event of
kind \`visibility\` for each node that came into view or left it.

\`zss explain visibility <path> --as <token>\` says which rule decides; \`zss server audit tail\` shows which rule decided.

What a service permits is about roles, not about single people: two users of one project see the same services. Who
needs other ones gets a project of its own. The terminals of a node are for admins only, unless the node was started
with \`--terminal-role user\`.

## Files

Of a node that is mounted in the project, and that one may \`observe\`, one finds the folders that are mounted there, with
\`read\`, and the services that one sees. To write, into a folder or to a service's \`control/invoke.json\`, takes \`invoke\`;
\`config.json\` and \`control/{enable,disable,restart,reset}\` take \`admin\`, for they change the service for everybody. It
is decided anew at each request: what is taken away is gone at once, open or not. The audit log holds each invoke with
its call id and whether the driver succeeded, and each refusal; of invokes, a crash of the server may lose those of its
last 20 ms. The node looks once more: what the permissions in its manifest do not let a role do, it refuses, also when
the catalog of the server is older than the manifest.

## Projects, every case

Who asks: **creator** is a user on a project that it made, **user** one on somebody else's, **operator** a token of that
role, **limited** a user whose token names other actions only, **elsewhere** a user whose token names another project.
The mode is what the project says about the action: **unset** is nothing, **locked** nothing on a project that has a
token. The override is what it says about the action for the agent of the session.
`;

/** The whole page. */
export function policyDocument(): string {
  const rows = projectCells.map(([asker, mode, override, ...answers]) => [asker, mode, override, ...answers.map(word)]);
  const services = serviceCells.map(([permission, asker, ...answers]) => [`\`${permission}\``, asker, ...answers]);
  return [
    INTRO,
    table(["Who", "Mode", "Override", "No token", "Right token", "Wrong token"], rows),
    "## Services, every case\n",
    "What a service's `permissions` say, and whether it shows.\n",
    table(["Permissions", "Who", "No token", "Right token", "Wrong token"], services),
  ].join("\n");
}

function word(answer: string): string {
  return answer === "yes" ? "yes" : `\`${answer}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n") + "\n";
}
