/**
 * Takes the memory of a module into the hands of the host.
 *
 * No engine option bounds the memory of one module, but a memory has a maximum
 * that the engine keeps: growing beyond it fails, as it does on a full machine.
 * So the module is rewritten before it is compiled: it imports the memory that
 * it had, and the host makes it with a limit. One that did not grow can then be
 * used again, emptied, which is much faster than a new one.
 *
 * Pure. Source: the binary format of the WebAssembly specification, memory section.
 *
 * @module
 */

import { ByteReader, joined, leb, moduleOf, SECTION, type Section, sectionsOf } from "./sections.ts";

/** Bytes of a page. */
export const PAGE_BYTES = 65_536;

const HAS_MAXIMUM = 1;

/** What an import brings in. */
const IMPORTED = { function: 0, table: 1, memory: 2, global: 3 } as const;

/** How a rewritten module names the memory that it imports. */
export const MEMORY_IMPORT = { module: "zss", name: "memory" } as const;

/** A module whose memory the host makes. */
export interface HostedModule {
  readonly module: Uint8Array<ArrayBuffer>;
  /** What the memory must be; undefined for a module that has none. */
  readonly memory: { readonly initial: number; readonly maximum: number } | undefined;
}

/**
 * Makes a module import its memory.
 *
 * @param maxBytes Limit of the memory; only whole pages count.
 * @returns The module, or a clause that says why it cannot be limited.
 * @throws {MalformedModule} If it is none.
 */
export function hostMemory(module: Uint8Array, maxBytes: number): HostedModule | string {
  const sections = sectionsOf(module);
  const imports = sections.find(({ id }) => id === SECTION.import);
  if (imports !== undefined && importsMemory(imports.body)) {
    return "it imports its memory, and only its own can be limited";
  }
  const own = sections.find(({ id }) => id === SECTION.memory);
  const memory = own === undefined ? undefined : memoryOf(own.body, Math.floor(maxBytes / PAGE_BYTES));
  if (memory === undefined) return { module: moduleOf(sections), memory };
  if (typeof memory === "string") return memory;
  const others = sections.filter((section) => section !== own && section !== imports);
  // After the types, before everything that may follow an import; sections without a meaning stand anywhere.
  const at = others.findIndex(({ id }) => id > SECTION.import);
  const before = at < 0 ? others : others.slice(0, at);
  const after = at < 0 ? [] : others.slice(at);
  return { module: moduleOf([...before, withMemory(imports, memory), ...after]), memory };
}

function memoryOf(body: Uint8Array, maxPages: number): HostedModule["memory"] | string {
  const bytes = new ByteReader(body);
  const count = bytes.u32();
  if (count === 0) return undefined;
  if (count > 1) return `it has ${count} memories, and only one can be limited`;
  const flags = bytes.byte();
  if (flags > HAS_MAXIMUM) return "its memory is shared or has 64 bits, which cannot be limited";
  const initial = bytes.u32();
  const maximum = Math.min(flags === HAS_MAXIMUM ? bytes.u32() : maxPages, maxPages);
  if (initial <= maximum) return { initial, maximum };
  return `it begins with ${initial * PAGE_BYTES} bytes of memory, and may have ${maximum * PAGE_BYTES}; ` +
    "raise runtime.max_memory_bytes";
}

function withMemory(imports: Section | undefined, { initial, maximum }: { initial: number; maximum: number }): Section {
  const bytes = new ByteReader(imports?.body ?? Uint8Array.of(0));
  const count = bytes.u32();
  const { module, name } = MEMORY_IMPORT;
  const words = [module, name].map((word) => new TextEncoder().encode(word)).flatMap((word) => [word.length, ...word]);
  const entry = Uint8Array.of(...words, IMPORTED.memory, HAS_MAXIMUM, ...leb(initial), ...leb(maximum));
  return { id: SECTION.import, body: joined([Uint8Array.from(leb(count + 1)), bytes.rest(), entry]) };
}

function importsMemory(body: Uint8Array): boolean {
  const bytes = new ByteReader(body);
  for (let left = bytes.u32(); left > 0; left--) {
    bytes.take(bytes.u32());
    bytes.take(bytes.u32());
    switch (bytes.byte()) {
      case IMPORTED.memory:
        return true;
      case IMPORTED.function:
        bytes.skipNumber();
        break;
      case IMPORTED.table:
        bytes.byte();
        if ((bytes.byte() & HAS_MAXIMUM) !== 0) bytes.skipNumber();
        bytes.skipNumber();
        break;
      case IMPORTED.global:
        bytes.take(2);
        break;
      default:
        // Tags and whatever comes later: the engine says whether it knows them, and the host offers none.
        return false;
    }
  }
  return false;
}
