/**
 * Ends the programs of a process that is killed.
 *
 * Such a process can do nothing any more, so a shell waits beside it: it is
 * told of every program that begins and ends, and kills those that are left,
 * with their groups, when its input ends. A waiting process of a pool would
 * otherwise take the end of its own input for a call. A program that was being
 * started at that moment nobody could tell of; its mark in /proc does.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { tellOfPrograms } from "./live_programs.ts";
import { currentOs } from "./os.ts";
import { MARK_PREFIX } from "./spawn.ts";
import { MARK_VARIABLE } from "./started_program.ts";

/** Nobody but the end of its input ends it. One word too many is a group that has gone. */
const SCRIPT = `
trap "" HUP INT TERM
left=" " last=-1
while read -r what pid start; do
  case $what in
    began) left="$left$pid "; [ "$start" -le "$last" ] || last=$start ;;
    ended) case $left in *" $pid "*) left="\${left%%" $pid "*} \${left#*" $pid "}" ;; esac ;;
  esac
done
for pid in $left; do kill -s KILL -- "-$pid" 2>/dev/null; done
for pause in 0 0.2; do
  sleep $pause
  for file in $(grep -ls "$1" /proc/[0-9]*/environ 2>/dev/null); do
    start=$(tr "\\0" "\\n" 2>/dev/null <"$file" | sed -n "s/^$1//p")
    pid=\${file#/proc/}
    [ "\${start:--1}" -gt "$last" ] && kill -s KILL -- "-\${pid%/environ}" 2>/dev/null
  done
done
`;

/**
 * From now on every program ends with this process, however that ends. Does
 * nothing where there are no groups of processes, or no shell.
 *
 * @returns Ends the watch, and the programs that are left.
 */
export function endProgramsWithUs(): () => void {
  if (!currentOs.hasGroups) return () => {};
  const shell = spawn("/bin/sh", ["-c", SCRIPT, "zss", `${MARK_VARIABLE}=${MARK_PREFIX}`], {
    cwd: "/",
    env: {},
    stdio: ["pipe", "ignore", "ignore"],
    // A Ctrl-C in the terminal is not for it.
    detached: true,
  });
  const forget = tellOfPrograms((...news) => void shell.stdin.write(`${news.join(" ")}\n`));
  shell.on("error", forget);
  shell.stdin.on("error", forget);
  shell.unref();
  return () => {
    forget();
    shell.stdin.end();
  };
}
