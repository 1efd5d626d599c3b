import assert from "node:assert/strict";
import { ManualClock } from "../../drivers/process/manual_clock.ts";
import { ServiceManager } from "./service_manager.ts";

function managed(watchdogMs?: number) {
  const sent: string[] = [];
  const clock = new ManualClock();
  const manager = new ServiceManager({ address: "/run/notify", watchdogMs }, clock, (address) => {
    assert.equal(address, "/run/notify");
    return { send: (message) => sent.push(message), close: () => sent.push("closed") };
  });
  return { sent, clock, manager };
}

Deno.test("ServiceManager is ready with the first thing that the node does, and then tells how it is", () => {
  const { sent, manager } = managed();
  manager.note({ type: "findings", findings: [], left: { error: 0, warning: 0, info: 0 } });
  manager.note({ type: "waiting_for_server", reason: "nobody listens", retry_in_ms: 5_000 });
  manager.note({ type: "lease_refreshed", expires_at_ms: 1 });
  manager.note({ type: "asks_to_join", request_id: "pending-join-1", code: "" });
  manager.stopping();
  manager.close();
  assert.deepEqual(sent, [
    "STATUS=zss node: all manifests are in order again",
    "READY=1\nSTATUS=zss node waits: nobody listens; next try in 5.0 s",
    "STATUS=zss node asks to join as pending-join-1",
    "STOPPING=1\nSTATUS=zss node: ending",
    "closed",
  ]);
});

Deno.test("ServiceManager gives signs of life twice as often as they are wanted, until it is closed", () => {
  const { sent, clock, manager } = managed(30_000);
  clock.advance(45_000);
  assert.deepEqual(sent, ["WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]);
  manager.close();
  clock.advance(60_000);
  assert.deepEqual(sent.slice(4), ["closed"]);
});

Deno.test("ServiceManager is silent where nobody supervises", () => {
  const manager = new ServiceManager({ address: undefined, watchdogMs: undefined }, new ManualClock(), assert.fail);
  manager.note({ type: "online", services: 1 });
  manager.stopping();
  manager.close();
});
