import assert from "node:assert/strict";
import { tidyHelp } from "./help_text.ts";

const COMMAND = `USAGE
  zss node try (--secret-file path) [--port port] [--form text|json] [--label key=value]... [--once] [--a-long-one ms] <node> [-- <command>]
  zss node try --help

Try it.

FLAGS
      --secret-file  file of the secret
     [--port]        TCP port                             [default = 18790]
     [--form]        form of a line                       [text|json]
     [--role]...     who may                              [user|operator, default = []]
     [--label]...    label of the node                    [default = []]
  -o [--once]        end after the first                  [default = false]
     [--a-long-one]  how long
  -h  --help         show this page
      --             take what follows as arguments

ARGUMENTS
  node  id
`;

Deno.test("tidyHelp() shortens the use of a command and says at each option what its value is", () => {
  assert.equal(
    tidyHelp(COMMAND),
    `USAGE
  zss node try [options] (--secret-file path) <node> [-- <command>]
  zss node try --help

Try it.

FLAGS
      --secret-file path     file of the secret
     [--port port]           TCP port  [default = 18790]
     [--form]                form of a line  [text|json]
     [--role]...             who may  [user|operator]
     [--label key=value]...  label of the node
  -o [--once]                end after the first
     [--a-long-one ms]       how long
  -h  --help                 show this page
      --                     take what follows as arguments

Options that work everywhere, such as --url, --context and -o: zss --help

ARGUMENTS
  node  id
`,
  );
});

Deno.test("tidyHelp() leaves a short use as it is, and names the commands of a group once", () => {
  const short = "USAGE\n  zss fs ls [--long] [<path>]\n  zss fs ls --help\n\nList.\n";
  assert.equal(tidyHelp(short), short);
  const group = "USAGE\n  zss fs ls\n  zss fs a|b ...\n  zss fs --help\n\nFiles.\n\nCOMMANDS\n  ls  list\n";
  assert.equal(
    tidyHelp(group),
    "USAGE\n  zss fs <command> ...\n  zss fs <command> --help\n\nFiles.\n\nCOMMANDS\n  ls  list\n",
  );
  assert.equal(tidyHelp("0.1.0\n"), "0.1.0\n");
});
