import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ZssError } from "../../control/protocol/errors.ts";
import { readNodeState, unpaired, writeNodeState } from "./node_state.ts";

async function withFile(body: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "zss-node-state-"));
  try {
    await body(join(folder, "state.json"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

Deno.test("node pair state save/load roundtrip", async () => {
  await withFile(async (path) => {
    const state = { ...unpaired, node_id: "node-2", node_secret: "secret-1", lease_expires_at_ms: 1_772_200_900_000 };
    await writeNodeState(path, state);
    assert.deepEqual(await readNodeState(path), state);
    assert.equal(
      await readFile(path, "utf8"),
      '{"schema":1,"node_id":"node-2","node_secret":"secret-1","lease_token":null,' +
        '"lease_expires_at_ms":1772200900000,"request_id":null,"node_name":null,"fs_url":null}\n',
    );
  });
});

Deno.test("readNodeState() takes a missing file for a node that was not paired", async () => {
  await withFile(async (path) => assert.deepEqual(await readNodeState(path), unpaired));
});

Deno.test("readNodeState() reads a lease that is no number as none, and any schema", async () => {
  await withFile(async (path) => {
    await writeFile(path, '{"schema":7,"node_id":"n","node_secret":"s","lease_expires_at_ms":"soon"}');
    assert.deepEqual(await readNodeState(path), { ...unpaired, node_id: "n", node_secret: "s" });
  });
});

Deno.test("readNodeState() names a damaged file and says what to do", async () => {
  const damaged = ["", "{", "[]", '{"node_id":7}', '{"node_id":"a","node_id":"b"}'];
  for (const text of damaged) {
    await withFile(async (path) => {
      await writeFile(path, text);
      await assert.rejects(readNodeState(path), (thrown) => {
        assert.ok(thrown instanceof ZssError, text);
        assert.equal(thrown.code, "state_damaged");
        assert.ok(thrown.message.includes(path));
        assert.match(thrown.hint ?? "", /pair the node again/);
        return true;
      });
    });
  }
});

Deno.test("readNodeState() takes null and a missing member for unset, and keeps members that it does not know", async () => {
  await withFile(async (path) => {
    const nulls = JSON.stringify({
      ...unpaired,
      claim_token: undefined,
      code: undefined,
      join_key: undefined,
      newer: { kept: true },
    });
    await writeFile(path, nulls);
    const state = await readNodeState(path);
    assert.deepEqual(state, { ...unpaired, newer: { kept: true } });
    await writeNodeState(path, state);
    assert.equal(await readFile(path, "utf8"), `${nulls}\n`);
    await writeFile(path, "{}");
    assert.deepEqual(await readNodeState(path), unpaired);
  });
});

Deno.test("readNodeState() refuses a member of the wrong type by its name", async () => {
  for (const name of ["node_id", "node_secret", "lease_token", "request_id", "node_name", "fs_url"]) {
    await withFile(async (path) => {
      await writeFile(path, JSON.stringify({ ...unpaired, [name]: ["x"] }));
      await assert.rejects(readNodeState(path), (thrown) => {
        assert.ok(thrown instanceof ZssError && thrown.message.includes(`: ${name}: `), String(thrown));
        return thrown.code === "state_damaged";
      });
    });
  }
});

Deno.test("readNodeState() says which file cannot be read, and what to check", async () => {
  await withFile(async (path) => {
    await mkdir(path);
    await assert.rejects(readNodeState(path), (thrown) => {
      assert.ok(thrown instanceof ZssError && thrown.message.startsWith(`Cannot read the state file "${path}": `));
      assert.match(thrown.hint ?? "", /--state-file/);
      return thrown.code === "io";
    });
  });
});
