import assert from "node:assert/strict";
import fc from "fast-check";
import { type Listing, Listings } from "./listings.ts";
import type { DirectoryEntry } from "./tree.ts";

const DIRECTORY = 1n;

function entry(name: string): DirectoryEntry {
  return {
    name,
    attributes: { id: 1n, k: 1, m: 0o100644, n: 1, u: 0, g: 0, sz: 0, at: 0n, mt: 0n, ct: 0n, gen: 1n },
  };
}

const listingOf = (names: readonly string[], directory = DIRECTORY): Listing => ({
  directory,
  entries: names.map(entry),
  generation: 1n,
});

const begin = (names: readonly string[]) => () => Promise.resolve(listingOf(names));

const notAgain = () => Promise.reject(new Error("read again"));

Deno.test("Listings answers a directory that fits in one page and keeps nothing", async () => {
  const listings = new Listings();
  const page = await listings.page(DIRECTORY, 0, 128, begin([".", "..", "a"]));
  assert.deepEqual([page.entries.map((each) => each.name), page.next, page.eof], [[".", "..", "a"], 3, true]);
  assert.equal(listings.size, 0);
});

Deno.test("Listings gives every entry once, whatever the sizes of the pages and the changes between them", async () => {
  const names = fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 60 });
  const pages = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
  await fc.assert(fc.asyncProperty(names, pages, async (held, sizes) => {
    const listings = new Listings();
    const seen: string[] = [];
    let cookie = 0;
    for (let turn = 0;; turn++) {
      const size = sizes[turn % sizes.length] ?? 1;
      const page = await listings.page(DIRECTORY, cookie, size, turn === 0 ? begin(held) : notAgain);
      seen.push(...page.entries.map((each) => each.name));
      cookie = page.next;
      assert(Number.isSafeInteger(cookie));
      if (page.eof) break;
    }
    assert.deepEqual(seen, held);
    assert.equal(listings.size, 0);
  }));
});

Deno.test("Listings keeps two listings of one directory apart", async () => {
  const listings = new Listings();
  const old = await listings.page(DIRECTORY, 0, 1, begin(["a", "b"]));
  const fresh = await listings.page(DIRECTORY, 0, 1, begin(["x", "y"]));
  assert.equal((await listings.page(DIRECTORY, old.next, 9, notAgain)).entries[0]?.name, "b");
  assert.equal((await listings.page(DIRECTORY, fresh.next, 9, notAgain)).entries[0]?.name, "y");
});

Deno.test("Listings takes a small cookie as a place in the directory as it is", async () => {
  const listings = new Listings();
  const page = await listings.page(DIRECTORY, 2, 128, begin([".", "..", "a", "b"]));
  assert.deepEqual([page.entries.map((each) => each.name), page.next, page.eof], [["a", "b"], 4, true]);
  const past = await listings.page(DIRECTORY, 99, 128, begin([".", ".."]));
  assert.deepEqual([past.entries, past.eof], [[], true]);
});

Deno.test("Listings answers a page of no entries without beginning a listing", async () => {
  const listings = new Listings();
  const page = await listings.page(DIRECTORY, 0, 0, begin([".", ".."]));
  assert.deepEqual([page.entries, page.next, page.eof, listings.size], [[], 0, false, 0]);
});

Deno.test("Listings refuses a cookie that it does not keep, or that is another directory's", async () => {
  const listings = new Listings({ listings: 1 });
  const lost = await listings.page(DIRECTORY, 0, 1, begin(["a", "b"]));
  const kept = await listings.page(DIRECTORY, 0, 1, begin(["a", "b"]));
  const refusal = { errno: 22, message: /^invalid argument: the listing of this cookie has ended/ };
  await assert.rejects(listings.page(DIRECTORY, lost.next, 1, notAgain), refusal);
  await assert.rejects(listings.page(2n, kept.next, 1, notAgain), refusal);
  await assert.rejects(listings.page(DIRECTORY, Number.MAX_SAFE_INTEGER, 1, notAgain), refusal);
  assert.equal((await listings.page(DIRECTORY, kept.next, 1, notAgain)).entries[0]?.name, "b");
});

Deno.test("Listings drops the listing that nobody went on with first", async () => {
  const listings = new Listings({ listings: 2 });
  const one = await listings.page(DIRECTORY, 0, 1, begin(["a", "b", "c"]));
  const two = await listings.page(DIRECTORY, 0, 1, begin(["a", "b", "c"]));
  const further = await listings.page(DIRECTORY, one.next, 1, notAgain);
  await listings.page(DIRECTORY, 0, 1, begin(["a", "b", "c"]));
  assert.equal((await listings.page(DIRECTORY, further.next, 1, notAgain)).entries[0]?.name, "c");
  await assert.rejects(listings.page(DIRECTORY, two.next, 1, notAgain), { errno: 22 });
});

Deno.test("Listings keeps no more entries than it may, but always the newest listing", async () => {
  const listings = new Listings({ entries: 5 });
  const names = ["a", "b", "c", "d", "e", "f"];
  await listings.page(DIRECTORY, 0, 1, begin(names.slice(0, 3)));
  const long = await listings.page(DIRECTORY, 0, 1, begin(names));
  assert.equal(listings.size, 1);
  assert.equal((await listings.page(DIRECTORY, long.next, 9, notAgain)).entries.length, 5);
});

Deno.test("Listings ends a page before it outgrows a frame", async () => {
  const listings = new Listings();
  const names = Array.from({ length: 16_384 }, (_, i) => `${i}`.padStart(127, "ü"));
  const page = await listings.page(DIRECTORY, 0, 16_384, begin(names));
  assert(page.entries.length > 1_000 && page.entries.length < 16_384 && !page.eof);
  const tiny = new Listings({ pageBytes: 1 });
  assert.equal((await tiny.page(DIRECTORY, 0, 9, begin(names))).entries.length, 1);
});
