import assert from "node:assert/strict";
import { ZssError } from "../protocol/errors.ts";
import { readAccessPolicy } from "./access_policy.ts";

Deno.test("readAccessPolicy() reads every alias, actions in either place, and agents in either form", () => {
  const policy = readAccessPolicy({
    read: "allow",
    mount: "admin-only",
    actions: { mount: "deny", watch: "token-required", invoke: "token_or_admin" },
    agents: [{ agent_id: "bob", invoke: "disabled" }, { agent_id: "idle" }, {
      agent_id: "bob",
      actions: { read: "open" },
    }],
    unknown: 1,
  });
  assert.deepEqual(policy, {
    actions: { read: "open", observe: "token", invoke: "token", mount: "deny" },
    agents: { bob: { read: "open" } },
  });
  assert.deepEqual(readAccessPolicy({ agents: { alice: { actions: { observe: "deny" } } } }).agents, {
    alice: { observe: "deny" },
  });
});

const refused: readonly (readonly [string, unknown, string])[] = [
  ["what is no object", "open", "/access_policy"],
  ["a mode that is no string", { actions: { read: 1 } }, "/access_policy/actions/read"],
  ["a mode that nobody knows", { mount: "maybe" }, "/access_policy/mount"],
  ["a mode that is a name of every object", { mount: "constructor" }, "/access_policy/mount"],
  ["an action that nobody knows", { actions: { reed: "open" } }, "/access_policy/actions/reed"],
  ["actions that are no object", { actions: [] }, "/access_policy/actions"],
  ["agents of another kind", { agents: "bob" }, "/access_policy/agents"],
  ["an agent that is no object", { agents: { bob: 1 } }, "/access_policy/agents/bob"],
  [
    "an agent that is named like the root of every object",
    { agents: [{ agent_id: "__proto__", read: "deny" }] },
    "/access_policy/agents/0",
  ],
  ["an agent without a name", { agents: [{ read: "open" }] }, "/access_policy/agents/0"],
];
for (const [what, value, path] of refused) {
  Deno.test(`readAccessPolicy() refuses ${what} and names the place`, () => {
    assert.throws(() => readAccessPolicy(value), (error) => {
      assert(error instanceof ZssError);
      assert.deepEqual([error.code, error.path], ["invalid_payload", path]);
      return true;
    });
  });
}
