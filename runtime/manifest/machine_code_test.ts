import assert from "node:assert/strict";
import fc from "fast-check";
import { HEAD_BYTES, machineCodeOf } from "./machine_code.ts";

/** A file of zeros with some bytes set, from `offset: bytes` pairs. */
function head(length: number, parts: Readonly<Record<number, readonly number[]>>): Uint8Array {
  const bytes = new Uint8Array(length);
  for (const [offset, values] of Object.entries(parts)) bytes.set(values, Number(offset));
  return bytes;
}

/** The head of an ELF file; `order` is 1 for little endian, 2 for big. */
function elf(bits: 32 | 64, order: 1 | 2, machine: number, system = 0): Uint8Array {
  const low = machine & 0xff;
  const high = machine >> 8;
  return head(64, {
    0: [0x7f, 0x45, 0x4c, 0x46, bits === 32 ? 1 : 2, order, 1, system],
    18: order === 1 ? [low, high] : [high, low],
  });
}

const CPU_X86_64 = [0x01, 0x00, 0x00, 0x07];
const CPU_ARM64 = [0x01, 0x00, 0x00, 0x0c];

function pe(...machine: readonly number[]): Uint8Array {
  return head(512, { 0: [0x4d, 0x5a], 0x3c: [0x80], 0x80: [0x50, 0x45, 0, 0, ...machine] });
}

const CASES: readonly (readonly [string, Uint8Array, readonly string[]])[] = [
  ["ELF for x86_64", elf(64, 1, 0x3e), ["linux x86_64"]],
  ["ELF for aarch64", elf(64, 1, 0xb7), ["linux aarch64"]],
  ["ELF of 32 bits for x86", elf(32, 1, 0x03), ["linux x86"]],
  ["ELF of 32 bits for arm", elf(32, 1, 0x28), ["linux arm"]],
  ["ELF for riscv64", elf(64, 1, 0xf3), ["linux riscv64"]],
  ["ELF of 32 bits for RISC-V", elf(32, 1, 0xf3), ["linux riscv32"]],
  ["ELF with a processor above 255", elf(64, 1, 0x102), ["linux loongarch64"]],
  ["big-endian ELF for s390x", elf(64, 2, 0x16), ["linux s390x"]],
  ["big-endian ELF of 32 bits for powerpc", elf(32, 2, 0x14), ["linux powerpc"]],
  ["ELF that names a system, as Linux all the same", elf(64, 1, 0x3e, 9), ["linux x86_64"]],
  ["ELF for a processor that it does not know", elf(64, 1, 0x7777), ["linux unknown"]],
  ["thin Mach-O for aarch64", head(32, { 0: [0xcf, 0xfa, 0xed, 0xfe, 0x0c, 0, 0, 1] }), ["macos aarch64"]],
  ["thin Mach-O of 32 bits for x86", head(28, { 0: [0xce, 0xfa, 0xed, 0xfe, 7, 0, 0, 0] }), ["macos x86"]],
  ["big-endian thin Mach-O", head(32, { 0: [0xfe, 0xed, 0xfa, 0xcf, ...CPU_X86_64] }), ["macos x86_64"]],
  [
    "fat Mach-O for two processors",
    head(64, { 0: [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2], 8: CPU_X86_64, 28: CPU_ARM64 }),
    ["macos x86_64", "macos aarch64"],
  ],
  [
    "fat Mach-O with entries of 64 bits",
    head(80, { 0: [0xca, 0xfe, 0xba, 0xbf, 0, 0, 0, 2], 8: CPU_ARM64, 40: CPU_X86_64 }),
    ["macos aarch64", "macos x86_64"],
  ],
  ["PE for x86_64", pe(0x64, 0x86), ["windows x86_64"]],
  ["PE for aarch64", pe(0x64, 0xaa), ["windows aarch64"]],
  ["PE for x86", pe(0x4c, 0x01), ["windows x86"]],
  [
    "no machine code in a Java class, which begins like fat Mach-O",
    head(64, { 0: [0xca, 0xfe, 0xba, 0xbe], 7: [61] }),
    [],
  ],
  ["no machine code in a program for DOS", head(128, { 0: [0x4d, 0x5a], 0x3c: [0x40] }), []],
  ["no machine code where the head of a PE lies behind what was read", pe().fill(0xff, 0x3c, 0x40), []],
  ["no machine code in a script", new TextEncoder().encode("#!/bin/sh\necho machine\n"), []],
  ["no machine code in WebAssembly", head(8, { 0: [0, 0x61, 0x73, 0x6d, 1] }), []],
  ["no machine code in ELF that is cut off", elf(64, 1, 0x3e).subarray(0, 19), []],
  ["no machine code in an empty file", new Uint8Array(), []],
];

for (const [sentence, bytes, expected] of CASES) {
  Deno.test(`machineCodeOf() finds ${sentence}`, () => {
    assert.deepEqual(machineCodeOf(bytes).map(({ os, arch }) => `${os} ${arch}`), expected);
  });
}

Deno.test("machineCodeOf() reads a part of a larger buffer", () => {
  const buffer = new Uint8Array(100);
  buffer.set(elf(64, 1, 0x3e), 30);
  assert.deepEqual(machineCodeOf(buffer.subarray(30, 94)), [{ os: "linux", arch: "x86_64" }]);
});

Deno.test("machineCodeOf() takes any bytes without throwing", () => {
  const starts = ["7f454c46", "cafebabe", "cafebabf", "feedface", "cffaedfe", "4d5a"].map((hex) =>
    Uint8Array.fromHex(hex)
  );
  const bytes = fc.tuple(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 256 }))
    .map(([start, rest]) => new Uint8Array([...start, ...rest]));
  fc.assert(fc.property(bytes, (file) => {
    assert.ok(machineCodeOf(file.subarray(0, HEAD_BYTES)).length <= 16);
  }));
});
