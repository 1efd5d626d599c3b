import assert from "node:assert/strict";
import { wholeListing } from "./fs_listing.ts";
import { fsReplies } from "./fs_replies.ts";

const attr = { id: 7, k: 1 };
const page = (names: readonly string[], next: number, eof: boolean) =>
  Promise.resolve(fsReplies.readdirp.parse({ ents: names.map((name) => ({ name, attr })), next, eof }));

Deno.test("wholeListing() puts pages together, whatever their cookies are, without names that are no single step", async () => {
  const pages = new Map([
    [0, () => page([".", "..", "a"], 900, false)],
    [900, () => page(["b", "../c", "d/e"], 17, false)],
    [17, () => page(["f"], 17, true)],
  ]);
  const entries = await wholeListing((cookie) => pages.get(cookie)?.() ?? assert.fail(`cookie ${cookie}`));
  assert.deepEqual(entries.map(({ name }) => name), ["a", "b", "f"]);
});

Deno.test("wholeListing() ends with an empty page", async () => {
  assert.deepEqual(await wholeListing(() => page([], 0, false)), []);
});

Deno.test("wholeListing() refuses a node that says a cookie twice, after few pages", async () => {
  for (const next of [(cookie: number) => cookie, () => 5, (cookie: number) => (cookie + 1) % 3]) {
    let pages = 0;
    const listing = wholeListing((cookie) => {
      // Without a limit it would never end.
      assert.ok(++pages < 10);
      return page(["a"], next(cookie), false);
    });
    await assert.rejects(listing, { errno: 5, message: /InvalidReply: readdirp said cookie \d twice/ });
  }
});

Deno.test("wholeListing() refuses more entries than it may hold, those that it leaves out too", async () => {
  for (const name of ["a", "../b"]) {
    let pages = 0;
    const listing = wholeListing((cookie) => {
      assert.ok(++pages < 10);
      return page([name, name, name], cookie + 3, false);
    }, 10);
    await assert.rejects(listing, { errno: 5, message: "the directory holds more than 10 entries" });
    assert.equal(pages, 4);
  }
  assert.equal((await wholeListing((cookie) => page(["a", "b"], cookie + 2, cookie === 8), 10)).length, 10);
});
