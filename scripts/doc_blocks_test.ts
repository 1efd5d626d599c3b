import assert from "node:assert/strict";
import { localLinks, outputFits, readSteps } from "./doc_blocks.ts";

const DOCUMENT = `# A document

\`\`\`sh
$ never run
\`\`\`

\`\`\`console
$ zss server --port 0 &
zss server listening on ws://…

$ zss node run \\
    --node-name laptop &
$ cat <<'END' > a.json
> {"a": 1}
> END
$ zss node list
NODE    STATE
…
\`\`\`

\`\`\`\`md
\`\`\`console
$ quoted, not run
\`\`\`
\`\`\`\`
`;

Deno.test("readSteps() reads commands, their continuation, their output and where they stand", () => {
  const steps = readSteps(DOCUMENT);
  assert.deepEqual(steps.map(({ command, line }) => [line, command]), [
    [8, "zss server --port 0 &"],
    [11, "zss node run \\\n    --node-name laptop &"],
    [13, "cat <<'END' > a.json\n{\"a\": 1}\nEND"],
    [16, "zss node list"],
  ]);
  assert.deepEqual(steps.map((step) => step.expected), [["zss server listening on ws://…"], [], [], [
    "NODE    STATE",
    "…",
  ]]);
  assert.deepEqual(steps.map((step) => step.isBackground), [true, true, false, false]);
  assert.equal(steps[3]?.isLook, true);
  assert.equal(steps[0]?.isLook, false);
});

Deno.test("readSteps() finds nothing to run in a document without console blocks", () => {
  assert.deepEqual(readSteps("# Title\n\n```ts\nconst a = 1;\n```\n"), []);
});

Deno.test("readSteps() refuses a console block that begins with output", () => {
  assert.throws(() => readSteps("```console\nhello\n```\n"), /Line 2 of a console block/);
});

const FITS: readonly (readonly [string, readonly string[], string, boolean])[] = [
  ["nothing promised", [], "anything\n", true],
  ["the same lines", ["a", "b"], "a\nb\n", true],
  ["blanks at the ends of lines", ["a"], "a   \n\n", true],
  ["another line", ["a"], "b\n", false],
  ["a line more", ["a"], "a\nb\n", false],
  ["a line less", ["a", "b"], "a\n", false],
  ["any text within a line", ["port …, pid …"], "port 80, pid 7\n", true],
  ["any text does not reach into the next line", ["port …", "b"], "port 80\nc\nb\n", false],
  ["any lines in the middle", ["a", "…", "d"], "a\nb\nc\nd\n", true],
  ["any lines may be none", ["a", "…", "d"], "a\nd\n", true],
  ["any lines at the end", ["a", "…"], "a\nb\n", true],
  ["signs are no pattern", ["{a.b} [c]* (d) $1 \\n a/b-c"], "{a.b} [c]* (d) $1 \\n a/b-c\n", true],
  ["signs are no pattern the other way round", ["a.c"], "abc\n", false],
];

for (const [name, expected, output, fits] of FITS) {
  Deno.test(`outputFits() says ${fits ? "yes" : "no"} to ${name}`, () => {
    assert.equal(outputFits(expected, output), fits);
  });
}

Deno.test("outputFits() lets a command that still runs say more, never something else first", () => {
  assert.equal(outputFits(["a"], "a\nb\n", true), true);
  assert.equal(outputFits(["a"], "b\na\n", true), false);
  assert.equal(outputFits(["listening"], "", true), false);
});

Deno.test("localLinks() lists links to files and leaves out the web, anchors and code", () => {
  const text = "[a](docs/a.md#part) [b](https://example.org/b) [c](#here) ![d](d.svg)\n```md\n[e](e.md)\n```\n";
  assert.deepEqual(localLinks(text), ["docs/a.md", "d.svg"]);
});
