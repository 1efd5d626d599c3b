/**
 * Gives a module a limit of its memory.
 *
 * No engine option bounds the memory of one module, but the module itself may
 * name a maximum that the engine keeps. It is written into the module before
 * that is compiled: growing beyond it then fails, as it does on a full machine.
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

/**
 * Writes the limit into a module.
 *
 * @param maxBytes Only whole pages count.
 * @returns The module, or a clause that says why it cannot be limited.
 * @throws {MalformedModule} If it is none.
 */
export function limitMemory(module: Uint8Array, maxBytes: number): Uint8Array<ArrayBuffer> | string {
  const sections = sectionsOf(module);
  const imports = sections.find(({ id }) => id === SECTION.import);
  if (imports !== undefined && importsMemory(imports.body)) {
    return "it imports its memory, and only its own can be limited";
  }
  const limited: Section[] = [];
  for (const section of sections) {
    const body = section.id === SECTION.memory
      ? limitedMemories(section.body, Math.floor(maxBytes / PAGE_BYTES))
      : section.body;
    if (typeof body === "string") return body;
    limited.push({ id: section.id, body });
  }
  return moduleOf(limited);
}

function limitedMemories(body: Uint8Array, maxPages: number): Uint8Array | string {
  const bytes = new ByteReader(body);
  const count = bytes.u32();
  if (count === 0) return body;
  if (count > 1) return `it has ${count} memories, and only one can be limited`;
  const flags = bytes.byte();
  if (flags > HAS_MAXIMUM) return "its memory is shared or has 64 bits, which cannot be limited";
  const least = bytes.u32();
  const most = flags === HAS_MAXIMUM ? bytes.u32() : maxPages;
  if (least > maxPages) {
    return `it begins with ${least * PAGE_BYTES} bytes of memory, and may have ${maxPages * PAGE_BYTES}; ` +
      "raise runtime.max_memory_bytes";
  }
  return joined([Uint8Array.from([1, HAS_MAXIMUM, ...leb(least), ...leb(Math.min(most, maxPages))])]);
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
