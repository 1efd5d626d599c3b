import assert from "node:assert/strict";
import { nodeMeant } from "./node_names.ts";

const nodes = [
  { id: "node-1", name: "workshop" },
  { id: "node-2", name: "edge" },
  { id: "node-3", name: "edge" },
  { id: "node-4", name: "node-2" },
];

Deno.test("nodeMeant() takes an exact id before every name, and then a name that one node has", () => {
  assert.equal(nodeMeant("node-1", nodes), "node-1");
  assert.equal(nodeMeant("workshop", nodes), "node-1");
  assert.equal(nodeMeant("node-2", nodes), "node-2");
});

Deno.test("nodeMeant() refuses a name of several nodes, and names them", () => {
  assert.throws(() => nodeMeant("edge", nodes), { code: "usage", hint: /node-2, node-3/, message: /2 nodes/ });
});

Deno.test("nodeMeant() refuses a word that means no node, with those that there are or are like it", () => {
  assert.throws(() => nodeMeant("worksop", nodes), { code: "node_not_found", hint: /node-1 \(workshop\), node-2/ });
  const many = Array.from({ length: 20 }, (_, at) => ({ id: `node-${at + 30}`, name: `n${at}` }));
  assert.throws(() => nodeMeant("work", [...nodes, ...many]), { hint: "the nodes like it are node-1 (workshop)" });
  assert.throws(() => nodeMeant("zzz", [...nodes, ...many]), { hint: /zss node list/ });
  assert.throws(() => nodeMeant("n1", [{ id: "node-9", name: "n\u001b1" }]), { hint: /\(n\\u001b1\)/ });
});
