/**
 * For which systems the machine code in a file is.
 *
 * Reads the head of ELF, Mach-O and PE files. Pure: the caller brings the first
 * bytes. ELF counts as Linux, as any Unix but macOS does in `drivers/process/os.ts`:
 * its field for the system is 0 in nearly every file, whatever the file is for.
 *
 * @module
 */

/** A system that machine code is for; names as in `platform` on the wire. */
export interface CodeTarget {
  readonly os: string;
  readonly arch: string;
}

/** How many bytes of a file are enough. */
export const HEAD_BYTES = 4096;

const ELF_MACHINES: ReadonlyMap<number, string> = new Map([
  [0x03, "x86"],
  [0x28, "arm"],
  [0x3e, "x86_64"],
  [0xb7, "aarch64"],
  [0x08, "mips"],
  [0x14, "powerpc"],
  [0x15, "powerpc64"],
  [0x16, "s390x"],
  [0x102, "loongarch64"],
]);

/** RISC-V has one number for both widths; the class of the file tells them apart. */
const ELF_RISCV = 0xf3;

const MACH_CPUS: ReadonlyMap<number, string> = new Map([
  [0x00000007, "x86"],
  [0x01000007, "x86_64"],
  [0x0000000c, "arm"],
  [0x0100000c, "aarch64"],
]);

const PE_MACHINES: ReadonlyMap<number, string> = new Map([
  [0x014c, "x86"],
  [0x8664, "x86_64"],
  [0xaa64, "aarch64"],
  [0x01c4, "arm"],
  [0x5064, "riscv64"],
]);

/** Lists the systems; empty for a file without machine code, such as a script, and for one that is cut off. */
export function machineCodeOf(head: Uint8Array): readonly CodeTarget[] {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length < 8) return [];
  const magic = view.getUint32(0);
  if (magic === 0x7f454c46) return elf(view);
  if (magic === 0xfeedface || magic === 0xfeedfacf) return [mac(view.getUint32(4))];
  if (magic === 0xcefaedfe || magic === 0xcffaedfe) return [mac(view.getUint32(4, true))];
  if (magic === 0xcafebabe) return fat(view, 20);
  if (magic === 0xcafebabf) return fat(view, 32);
  if (view.getUint16(0) === 0x4d5a) return pe(view);
  return [];
}

function elf(view: DataView): CodeTarget[] {
  if (view.byteLength < 20) return [];
  const machine = view.getUint16(18, view.getUint8(5) !== 2);
  const is32 = view.getUint8(4) === 1;
  const arch = machine === ELF_RISCV ? (is32 ? "riscv32" : "riscv64") : ELF_MACHINES.get(machine) ?? "unknown";
  return [{ os: "linux", arch }];
}

function mac(cpu: number): CodeTarget {
  return { os: "macos", arch: MACH_CPUS.get(cpu) ?? "unknown" };
}

/** A file for several processors. Java classes begin alike, with a version where the count stands. */
function fat(view: DataView, entryBytes: 20 | 32): CodeTarget[] {
  const count = view.getUint32(4);
  if (count > 16) return [];
  return Array.from({ length: count }, (_, index) => 8 + index * entryBytes)
    .flatMap((offset) => offset + 4 <= view.byteLength ? [mac(view.getUint32(offset))] : []);
}

function pe(view: DataView): CodeTarget[] {
  if (view.byteLength < 0x40) return [];
  const offset = view.getUint32(0x3c, true);
  if (offset + 6 > view.byteLength || view.getUint32(offset) !== 0x50450000) return [];
  return [{ os: "windows", arch: PE_MACHINES.get(view.getUint16(offset + 4, true)) ?? "unknown" }];
}
