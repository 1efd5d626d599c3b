/**
 * What of a document can be run, and whether the output is what it shows.
 *
 * A block fenced as `console` is run; `sh` and every other word is only read.
 * Inside such a block:
 *
 * - a line that begins with `$ ` is a command; `\` at its end, or a next line
 *   that begins with `> `, continues it;
 * - the lines below it, up to the next command, are its output; none means that
 *   anything may be printed;
 * - `…` alone on a line stands for any lines, `…` within one for any text;
 * - a command must exit with 0; to show another status write
 *   `zss … || echo "exit $?"`;
 * - a command that ends in ` &` keeps running; the lines below it are awaited;
 * - a command that only looks (`cat`, `ls`, `zss node list` and their like) is
 *   asked again for a while until it shows the lines.
 *
 * All blocks of a document share one shell in one empty folder.
 *
 * @module
 */

/** A command of a document and what is shown below it. */
export interface Step {
  readonly command: string;
  /** Where the command stands in the document, 1-based. */
  readonly line: number;
  /** The lines shown below it; empty when nothing is promised. */
  readonly expected: readonly string[];
  /** Whether it keeps running. */
  readonly isBackground: boolean;
  /** Whether it may be asked again until the output fits. */
  readonly isLook: boolean;
}

const LOOKS =
  /^(cat|grep|head|ls|tail|wc|zss node (list|info|service-get)|zss fs (ls|read|stat|tree)|zss session list)\b/;

interface Fence {
  readonly word: string;
  readonly marks: string;
  readonly lines: string[];
  readonly start: number;
}

/** Lists the fenced blocks of a document with the first word behind their opening marks. */
function fences(markdown: string): Fence[] {
  const found: Fence[] = [];
  let open: Fence | undefined;
  for (const [index, line] of markdown.split(/\r?\n/).entries()) {
    const marks = /^\s{0,3}(`{3,})\s*([^\s`]*)[^`]*$/.exec(line);
    if (open === undefined) {
      if (marks !== null) open = { word: marks[2] ?? "", marks: marks[1] ?? "", lines: [], start: index + 2 };
    } else if (marks !== null && marks[2] === "" && (marks[1] ?? "").length >= open.marks.length) {
      found.push(open);
      open = undefined;
    } else {
      open.lines.push(line);
    }
  }
  return found;
}

/**
 * Lists the commands of a document in order.
 *
 * @throws {SyntaxError} If a `console` block has a line before its first command.
 */
export function readSteps(markdown: string): Step[] {
  return fences(markdown).filter((fence) => fence.word === "console").flatMap(stepsOf);
}

function stepsOf(fence: Fence): Step[] {
  const steps: { command: string; line: number; expected: string[] }[] = [];
  let isOpen = false;
  for (const [index, line] of fence.lines.entries()) {
    const last = steps.at(-1);
    if (line.startsWith("$ ")) {
      steps.push({ command: line.slice(2), line: fence.start + index, expected: [] });
      isOpen = true;
    } else if (last === undefined) {
      if (line.trim() === "") continue;
      throw new SyntaxError(`Line ${fence.start + index} of a console block stands before its first "$ "`);
    } else if (isOpen && (last.command.endsWith("\\") || line.startsWith("> "))) {
      last.command += `\n${line.startsWith("> ") ? line.slice(2) : line}`;
    } else {
      isOpen = false;
      last.expected.push(line.trimEnd());
    }
  }
  return steps.map(({ command, line, expected }) => {
    while (expected.at(-1) === "") expected.pop();
    return { command, line, expected, isBackground: / &\s*$/.test(command), isLook: LOOKS.test(command) };
  });
}

/**
 * Whether `output` is what a document shows.
 *
 * @param isOpenEnded Whether more may follow, as with a command that still runs.
 */
export function outputFits(expected: readonly string[], output: string, isOpenEnded = false): boolean {
  if (expected.length === 0) return true;
  const lines = output.split(/\r?\n/).map((line) => line.trimEnd());
  while (lines.at(-1) === "") lines.pop();
  const pattern = expected.map((line) => line.trim() === "…" ? "(?:[^\\n]*\\n)*" : `${literal(line)}\\n`).join("");
  return new RegExp(`^${pattern}${isOpenEnded ? "" : "$"}`).test(lines.map((line) => `${line}\n`).join(""));
}

function literal(line: string): string {
  return line.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\\/-]/g, "\\$&")).join("[^\\n]*");
}

/** Lists the targets of a document's links to files of the project, without their anchors. */
export function localLinks(markdown: string): string[] {
  const prose = fences(markdown).reduce((text, fence) => text.replace(fence.lines.join("\n"), ""), markdown);
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target.split("#")[0] ?? "")
    .filter((target) => target !== "" && !/^[a-z][a-z0-9+.-]*:/i.test(target));
}
