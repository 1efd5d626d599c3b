import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";

const at = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);

Deno.test("surviveFaults() writes a refusal that nobody looked at into the log, and the process goes on", () => {
  const script = `
import { configure } from "@logtape/logtape";
import { surviveFaults } from ${at("./survive_faults.ts")};
const lines = [];
await configure({
  sinks: { lines: (record) => lines.push(record.level + ": " + record.properties.fault.message) },
  loggers: [{ category: ["zss"], sinks: ["lines"] }, { category: ["logtape", "meta"], lowestLevel: "error" }],
});
surviveFaults();
void Promise.reject(new Error("lost"));
await new Promise((resolve) => setTimeout(resolve));
console.log(lines.join());
`;
  const config = new URL("../deno.json", import.meta.url).pathname;
  const said = execFileSync(Deno.execPath(), ["eval", "--no-check", "--config", config, script], { encoding: "utf8" });
  assert.equal(said.trim(), "error: lost");
});
