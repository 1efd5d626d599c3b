/**
 * Measures contenders side by side and compares them with a named peer.
 *
 * A figure alone says little about another machine; a ratio to something that
 * everyone can run says more. All contenders of a bench take turns within one
 * run, so a slow moment of the machine hits all of them, and the medians are
 * compared. The table goes to one stream for people, one line of JSON per bench
 * to another for programs.
 *
 * ```ts
 * import { runBench } from "./harness.ts";
 *
 * const report = await runBench({
 *   name: "join",
 *   unit: "ms",
 *   rounds: 5,
 *   prepare: () =>
 *     Promise.resolve({
 *       peer: "concat",
 *       contenders: [
 *         { name: "concat", measure: () => Promise.resolve(2) },
 *         { name: "join", measure: () => Promise.resolve(1) },
 *       ],
 *     }),
 * });
 * ```
 *
 * @module
 */

/** One of the things that are compared. */
export interface Contender {
  readonly name: string;
  /** Name of the contender that this one is compared with; without it, the peer of the field. */
  readonly peer?: string;
  /** Measures once; the value is in the unit of the bench. */
  measure(): Promise<number>;
}

/** What a bench compares once it is prepared. */
export interface Field {
  readonly contenders: readonly Contender[];
  /** Name of the contender that those are compared with that name no peer of their own. */
  readonly peer: string;
  /** Said below the table: what was left out and why. */
  readonly notes?: readonly string[];
}

/** A comparison. */
export interface Bench {
  readonly name: string;
  /** `ms` and `MB`: less is better; `/s`: more is better. */
  readonly unit: "ms" | "MB" | "/s";
  /** How often each contender is measured after one turn that does not count. */
  readonly rounds: number;
  /** Builds the contenders, or says why there is nothing to measure. */
  prepare(): Promise<Field | string>;
  /** Called once after the last round, also when a contender failed. */
  cleanUp?(): Promise<void>;
}

/** The figures of one contender. */
export interface Result {
  readonly name: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Whom it is compared with; itself when there is nobody. */
  readonly peer: string;
  /** Median over the peer's median; 1 for the peer. */
  readonly ratio: number;
}

/** The outcome of a bench. */
export interface Report {
  readonly bench: string;
  readonly unit: Bench["unit"];
  readonly rounds: number;
  readonly peer?: string;
  readonly results: readonly Result[];
  readonly notes: readonly string[];
  /** Why nothing was measured. */
  readonly left_out?: string;
}

/** Runs a bench. A contender that fails ends it with that error. */
export async function runBench(bench: Bench): Promise<Report> {
  const about = { bench: bench.name, unit: bench.unit, rounds: bench.rounds };
  try {
    const field = await bench.prepare();
    if (typeof field === "string") return { ...about, results: [], notes: [], left_out: field };
    const samples = await takeTurns(field.contenders, bench.rounds);
    const results = compare(samples, field.peer, field.contenders);
    return { ...about, peer: field.peer, results, notes: field.notes ?? [] };
  } finally {
    await bench.cleanUp?.();
  }
}

async function takeTurns(contenders: readonly Contender[], rounds: number): Promise<Map<string, number[]>> {
  const samples = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const contender of contenders) {
      const value = await contender.measure();
      if (round > 0) samples.get(contender.name)?.push(value);
    }
  }
  return samples;
}

/**
 * Compares samples with those of the peer.
 *
 * @param contenders Asked for peers of their own; those that are not among them have none.
 * @throws {RangeError} If there are no samples of a peer.
 */
export function compare(
  samples: ReadonlyMap<string, readonly number[]>,
  peer: string,
  contenders: readonly Pick<Contender, "name" | "peer">[] = [],
): Result[] {
  return [...samples].map(([name, values]) => {
    const own = contenders.find((contender) => contender.name === name)?.peer ?? peer;
    return {
      name,
      median: median(values),
      min: Math.min(...values),
      max: Math.max(...values),
      peer: own,
      ratio: median(values) / median(samples.get(own) ?? []),
    };
  });
}

/**
 * The middle of the values, or the mean of the two in the middle.
 *
 * @throws {RangeError} If there are none.
 */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new RangeError("Cannot take the median of nothing");
  return (lower + upper) / 2;
}

/** Writes a report as an aligned table. */
export function formatReport(report: Report): string {
  const title = `${report.bench} (${report.unit}, median of ${report.rounds})`;
  if (report.left_out !== undefined) return `${title}\n  left out: ${report.left_out}\n`;
  const isSamePeer = report.results.every(({ peer }) => peer === report.peer);
  const rows = [
    ["", "median", "min", "max", ...(isSamePeer ? [`to ${report.peer}`] : ["ratio", "to"])],
    ...report.results.map(({ name, median, min, max, peer, ratio }) => [
      name,
      ...[median, min, max].map(formatNumber),
      name === peer ? "-" : `${ratio.toFixed(2)}x`,
      ...(isSamePeer ? [] : [name === peer ? "" : peer]),
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  // Names stand first and, when there are several peers, last.
  const isName = (column: number) => column === 0 || column === 5;
  const lines = rows.map((row) =>
    row.map((cell, column) => isName(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))
      .join("  ").trimEnd()
  );
  return [title, ...lines, ...report.notes.map((note) => `note: ${note}`)].join("\n  ") + "\n";
}

function formatNumber(value: number): string {
  return value >= 1000 ? Math.round(value).toString() : value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}
