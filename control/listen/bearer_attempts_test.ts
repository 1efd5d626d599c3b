import assert from "node:assert/strict";
import { ManualClock } from "../../drivers/process/manual_clock.ts";
import { addressGroup, BearerAttempts } from "./bearer_attempts.ts";

function failTimes(attempts: BearerAttempts, address: string | undefined, times: number): void {
  for (let i = 0; i < times; i++) attempts.failed(address);
}

Deno.test("BearerAttempts makes one address wait and no other", () => {
  const clock = new ManualClock();
  const attempts = new BearerAttempts(clock);
  failTimes(attempts, "10.0.0.5", 5);
  assert.deepEqual([attempts.retryAfterSeconds("10.0.0.5"), attempts.retryAfterSeconds("10.0.0.6")], [1, 0]);
  assert.equal(attempts.retryAfterSeconds("::ffff:10.0.0.5"), 1);
  clock.jumpWall(3_600_000);
  assert.equal(attempts.retryAfterSeconds("10.0.0.5"), 1);
  clock.advance(1_000);
  assert.equal(attempts.retryAfterSeconds("10.0.0.5"), 0);
});

Deno.test("BearerAttempts forgets the failures of an address that succeeds", () => {
  const attempts = new BearerAttempts(new ManualClock());
  failTimes(attempts, "10.0.0.5", 4);
  attempts.succeeded("10.0.0.5");
  failTimes(attempts, "10.0.0.5", 4);
  assert.equal(attempts.retryAfterSeconds("10.0.0.5"), 0);
  assert.equal(attempts.size, 1);
});

Deno.test("BearerAttempts remembers a bounded number of addresses, those that failed last", () => {
  const attempts = new BearerAttempts(new ManualClock(), 3);
  failTimes(attempts, "10.0.0.1", 5);
  for (const last of [2, 3]) attempts.failed(`10.0.0.${last}`);
  attempts.failed("10.0.0.1");
  for (const last of [4, 5]) attempts.failed(`10.0.0.${last}`);
  assert.equal(attempts.size, 3);
  assert.equal(attempts.retryAfterSeconds("10.0.0.1"), 2);
});

Deno.test("addressGroup() puts a /64 of IPv6 together, and what is not known", () => {
  const groups = ["2001:db8:1:2::9", "2001:db8:1:2:ffff::", "2001:db8:1:3::9", "::1", "2001:db8::5:6:7:8", "10.0.0.5"];
  assert.deepEqual(groups.map(addressGroup), [
    ...["2001:db8:1:2::/64", "2001:db8:1:2::/64", "2001:db8:1:3::/64", "0:0:0:0::/64", "2001:db8:0:0::/64", "10.0.0.5"],
  ]);
  assert.equal(addressGroup(undefined), addressGroup("nonsense of a proxy"));
});
