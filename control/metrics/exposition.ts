/**
 * The text that Prometheus reads, version 0.0.4. Pure.
 *
 * @module
 */

import type { Distribution } from "./distribution.ts";

/** The content type of the text. */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Names and values of labels. */
export type Labels = Readonly<Record<string, string>>;

/** One number of a family; without labels when it is the only one. */
export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

/** One family of numbers: what stands below one `# TYPE` line, nothing when there is no sample. */
export function familyText(
  type: "counter" | "gauge",
  name: string,
  help: string,
  samples: readonly Sample[],
): string {
  if (samples.length === 0) return "";
  return headText(type, name, help) +
    samples.map(({ labels, value }) => `${name}${labelText(labels)} ${value}\n`).join("");
}

/** A family of histograms, whose buckets were counted elsewhere since they are raised far more often than read. */
export function histogramText(
  name: string,
  help: string,
  series: readonly { readonly labels?: Labels; readonly distribution: Distribution }[],
): string {
  if (series.length === 0) return "";
  const lines = series.map(({ labels, distribution: { bounds, counts, count, sum } }) => {
    const bucket = (le: string, value: number) => `${name}_bucket${labelText({ ...labels, le })} ${value}\n`;
    return bounds.map((bound, at) => bucket(String(bound), counts[at] ?? 0)).join("") + bucket("+Inf", count) +
      `${name}_sum${labelText(labels)} ${sum}\n${name}_count${labelText(labels)} ${count}\n`;
  });
  return headText("histogram", name, help) + lines.join("");
}

function headText(type: string, name: string, help: string): string {
  return `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
}

function labelText(labels: Labels = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
