/**
 * Help pages as people read them.
 *
 * The parser writes what it knows: every option of a command in one line, then
 * each without the name of its value. Here the line becomes short, the names
 * stand where the options are explained, and what goes without saying goes.
 *
 * @module
 */

/** Longest line that says how a command is used, in characters. */
const LONGEST_USAGE = 100;

/** What a command's own page does not repeat. */
const EVERYWHERE = "Options that work everywhere, such as --url, --context and -o: zss --help";

/** A page of the parser, made easier to read; any other text stays as it is. */
export function tidyHelp(page: string): string {
  if (!page.startsWith("USAGE\n")) return page;
  const [usage = "", ...blocks] = page.split("\n\n");
  const values = valueNames(usage);
  const isGroup = blocks.some((block) => block.startsWith("COMMANDS\n"));
  const more = isGroup ? "" : `\n\n${EVERYWHERE}`;
  const tidied = blocks.map((block) => block.startsWith("FLAGS\n") ? addedTo(optionLines(block, values), more) : block);
  return [isGroup ? groupUsage(usage) : commandUsage(usage), ...tidied].join("\n\n");
}

/** The name of the value of each option that has one: `--port` has `port` in `[--port port]`. */
function valueNames(usage: string): ReadonlyMap<string, string> {
  const options = usage.matchAll(/[[(](?:-\w, )?--([a-z-]+) ([^\])|]+)[\])]/g);
  return new Map([...options].map(([, option = "", value = ""]) => [option, value]));
}

/** A block with more behind it; the last one of a page ends with a line end. */
function addedTo(block: string, more: string): string {
  return block.endsWith("\n") ? `${block.slice(0, -1)}${more}\n` : block + more;
}

/** The commands of a group are listed below. */
function groupUsage(usage: string): string {
  const name = /^ {2}(.*) --help$/m.exec(usage)?.[1] ?? "zss";
  return `USAGE\n  ${name} <command> ...\n  ${name} <command> --help`;
}

function commandUsage(usage: string): string {
  return usage.split("\n").map((line) => {
    if (line.length <= LONGEST_USAGE) return line;
    // What has to be given stays.
    const short = line.replace(/ \[--?[a-z][^\]]*\](?:\.\.\.)?/g, "");
    const command = /^ {2}zss(?: [a-z-]+)*/.exec(short)?.[0] ?? "";
    return `${command} [options]${short.slice(command.length)}`;
  }).join("\n");
}

function optionLines(block: string, values: ReadonlyMap<string, string>): string {
  const [head = "", ...lines] = block.split("\n");
  const rows = lines.map((line) => {
    const [, short = "", option = "", rest = ""] = /^( {2}(?:-\w| {2}) )( ?\S+) +(.*)$/.exec(line) ?? [];
    return { line, short, option: withValue(option, values), rest: withoutNothing(rest) };
  });
  const width = Math.max(...rows.map(({ option }) => option.length));
  return [
    head,
    ...rows.map(({ line, short, option, rest }) =>
      option === "" ? line : `${short}${option.padEnd(width)}  ${rest}`.trimEnd()
    ),
  ].join("\n");
}

function withValue(option: string, values: ReadonlyMap<string, string>): string {
  const name = /--([a-z-]+)/.exec(option)?.[1];
  const value = name === undefined ? undefined : values.get(name);
  return value === undefined ? option : option.replace(`--${name}`, `--${name} ${value}`);
}

/** What an option says, without that it is not given unless it is. */
function withoutNothing(rest: string): string {
  return rest.replace(/,? ?default = (?:false|\[\])\]$/, "]").replace(/ *\[\]$/, "").replace(
    / +(?=\[[^\]]*\]$)/,
    "  ",
  );
}
