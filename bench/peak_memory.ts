/**
 * How much memory a program had at most, as its system counts it.
 *
 * @module
 */

/** Milliseconds between two looks. What a program gains after the last one is missed. */
const PERIOD_MS = 2;

/**
 * Runs a program to its end and watches its peak resident set; Linux only.
 *
 * Programs that it starts are not counted, its threads are.
 *
 * @returns Bytes, or undefined where the system does not tell.
 * @throws {Error} If the program ends with another status than 0.
 */
export async function peakMemory(file: string, args: readonly string[]): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const child = new Deno.Command(file, { args: [...args], stdin: "null", stdout: "null", stderr: "null" }).spawn();
  let isOver = false;
  const ended = child.status.finally(() => isOver = true);
  let peak: number | undefined;
  while (!isOver) {
    peak = readPeak(child.pid) ?? peak;
    await new Promise((resolve) => setTimeout(resolve, PERIOD_MS));
  }
  const { code } = await ended;
  if (code !== 0) throw new Error(`Cannot tell the memory of "${file}": it ended with ${code}`);
  return peak;
}

/** The peak so far; undefined once the process has given its memory back. */
function readPeak(pid: number): number | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(`/proc/${pid}/status`);
  } catch {
    return undefined;
  }
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}
