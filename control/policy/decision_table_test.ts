import assert from "node:assert/strict";
import { projectCells, serviceCells } from "./decision_cells.ts";
import { askers, modes, overrides, permissions, projectCell, serviceCell, tokens } from "./decision_table.ts";

Deno.test("decideProject() says what the table says: role and ownership x mode x override x token, every cell", () => {
  const cells = askers.flatMap((asker) =>
    modes.flatMap((mode) =>
      overrides.map((override) => [
        ...[asker, mode, override],
        ...tokens.map((token) => projectCell(asker, mode, override, token)),
      ])
    )
  );
  assert.deepEqual(cells, projectCells);
});

Deno.test("decideService() says what the table says: permissions x role x token, every cell", () => {
  const cells = Object.keys(permissions).flatMap((permission) =>
    askers.map((asker) => [permission, asker, ...tokens.map((token) => serviceCell(permission, asker, token))])
  );
  assert.deepEqual(cells, serviceCells);
});

Deno.test("the table has both answers for everybody but admins and the anonymous", () => {
  for (const asker of askers) {
    const answers = new Set(projectCells.filter(([who]) => who === asker).flatMap(([, , , ...rest]) => rest));
    assert.equal(answers.has("yes"), !["anonymous", "limited", "elsewhere"].includes(asker), asker);
    assert.equal(answers.size > 1 || answers.has("yes") || asker !== "user", true);
    if (asker === "admin") assert.deepEqual([...answers], ["yes"]);
  }
});
