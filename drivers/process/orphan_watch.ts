/**
 * Ends the programs of a process that is killed.
 *
 * Such a process can do nothing any more, so a shell waits beside it: it is
 * told of every program that begins and ends, and kills those that are left,
 * with their groups, when its input ends. A waiting process of a pool would
 * otherwise take the end of its own input for a call.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { tellOfPrograms } from "./live_programs.ts";
import { currentOs } from "./os.ts";

/** Nobody but the end of its input ends it. One word too many is a group that has gone. */
const SCRIPT = `
trap "" HUP INT TERM
left=" "
while read -r what pid; do
  case $what in
    began) left="$left$pid " ;;
    ended) case $left in *" $pid "*) left="\${left%%" $pid "*} \${left#*" $pid "}" ;; esac ;;
  esac
done
for pid in $left; do kill -s KILL -- "-$pid" 2>/dev/null; done
`;

/**
 * From now on every program ends with this process, however that ends. Does
 * nothing where there are no groups of processes, or no shell.
 *
 * @returns Ends the watch, and the programs that are left.
 */
export function endProgramsWithUs(): () => void {
  if (!currentOs.hasGroups) return () => {};
  const shell = spawn("/bin/sh", ["-c", SCRIPT], {
    cwd: "/",
    env: {},
    stdio: ["pipe", "ignore", "ignore"],
    // A Ctrl-C in the terminal is not for it.
    detached: true,
  });
  const forget = tellOfPrograms((what, pid) => void shell.stdin.write(`${what} ${pid}\n`));
  shell.on("error", forget);
  shell.stdin.on("error", forget);
  shell.unref();
  return () => {
    forget();
    shell.stdin.end();
  };
}
