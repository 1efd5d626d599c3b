import assert from "node:assert/strict";
import { TurnCork } from "./turn_cork.ts";

Deno.test("TurnCork lets the first write of a turn go and holds those that follow until it is over", () => {
  const log: string[] = [];
  const ends: (() => void)[] = [];
  const cork = new TurnCork((action) => ends.push(action));
  const socket = { cork: () => log.push("cork"), uncork: () => log.push("uncork") };
  const turn = (writes: number) => {
    for (let at = 0; at < writes; at++) {
      cork.beforeWrite(socket);
      log.push("write");
    }
    for (const end of ends.splice(0)) end();
    return log.splice(0);
  };
  assert.deepEqual(turn(1), ["write"]);
  assert.deepEqual(turn(4), ["write", "cork", "write", "write", "write", "uncork"]);
  assert.deepEqual(turn(1), ["write"]);
});
