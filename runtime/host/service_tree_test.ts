import { treeContract } from "../namespace/tree_contract.ts";
import { initialState } from "../supervision/machine.ts";
import { factsOf } from "./definition.ts";
import { firstDocuments } from "./documents.ts";
import { Service } from "./service.ts";
import { definition, hostParts, NOBODY, ScriptedDriver, START_MS, success } from "./service_fixture_test.ts";

const first = firstDocuments(factsOf(definition("echo")), initialState(), { wall_ms: START_MS, monotonic_ms: 0 });

treeContract("The tree of a Service", {
  open() {
    const driver = new ScriptedDriver();
    driver.answer = success("{}");
    const service = new Service(definition("echo", driver), () => driver, hostParts(), NOBODY);
    return Promise.resolve({ tree: service.tree, close: () => service.stop() });
  },
  entries: [
    ...Object.entries(first).map(([path, content]) => ({ path, content })),
    { path: "schema.json", content: first["SCHEMA.json"] },
    { path: "template.json", content: first["TEMPLATE.json"] },
    { path: "config.json", content: "{}", writes: '{"mode":"safe"}' },
    { path: "calls" },
    { path: "control" },
    { path: "control/invoke.json", content: "", writes: '{"text":"hello"}' },
    { path: "control/reset", content: "", writes: "{}" },
    { path: "control/disable", content: "", writes: "now" },
    { path: "control/enable", content: "", writes: " " },
    { path: "control/restart", content: "", writes: "{}" },
  ],
  absent: ["invoke.json", "readme.md", "Control", "host.json"],
});
