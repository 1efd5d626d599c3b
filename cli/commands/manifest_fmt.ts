import { buildCommand } from "@stricli/core";
import { ZssError } from "../../control/protocol/errors.ts";
import { Exit } from "../exit.ts";
import { nonEmpty } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";

/** `zss manifest fmt` */
export const command = buildCommand<{ readonly check: boolean }, string[], CliContext>({
  docs: helpPage(`Lay out manifests: two spaces, one blank behind each colon and comma. Comments
and line breaks stay; only a line of more than 120 characters is taken apart.

With no path, lays out the manifests of ./services.d; "-" reads standard input and
writes standard output.

Examples:
  $ zss manifest fmt
  $ zss manifest fmt --check services.d
  $ make-manifest | zss manifest fmt -

Exit status:
  0  laid out, or nothing to do    1  --check: some are not laid out
  2  wrong usage                   3  something could not be read or is no JSON`),
  parameters: {
    flags: {
      check: { kind: "boolean", brief: "change nothing, name what would change", default: false, withNegated: false },
    },
    positional: { kind: "array", parameter: { parse: nonEmpty, brief: "files and folders", placeholder: "paths" } },
  },
  async func({ check }, ...paths) {
    const { formatManifest, isFolder, ManifestReader, manifestsIn } = await import("../../runtime/manifest/mod.ts");
    const { io } = this;
    const reader = new ManifestReader();
    let failed = 0;
    let changed = 0;
    let seen = 0;
    const fail = (file: string, why: string) => {
      failed++;
      io.stderr.write(`error: Cannot lay out "${file}": ${why}\n`);
    };
    const one = async (file: string, text: ReturnType<typeof reader.read>) => {
      if (typeof text !== "string") return fail(file, text.problem);
      const laidOut = formatManifest(file, text);
      if (laidOut === undefined) return fail(file, "it is no JSON; zss manifest lint says where");
      seen++;
      if (file === "-" && !check) io.stdout.write(laidOut);
      if (laidOut === text) return;
      changed++;
      if (file === "-" && !check) return;
      io.stdout.write(`${file}\n`);
      if (!check) await replaceFile(file, laidOut);
    };
    for (const path of paths.length > 0 ? paths : ["services.d"]) {
      if (path === "-") await one("-", reader.decode(await io.readStdin()));
      else if (!isFolder(path)) await one(path, reader.read(path));
      else {
        const listed = manifestsIn(path);
        if ("problem" in listed) fail(path, listed.problem);
        else for (const { file } of listed) await one(file, reader.read(file));
      }
    }
    const count = `${seen} manifest${seen === 1 ? "" : "s"} looked at`;
    io.stderr.write(`${count}, ${changed} ${check ? "not laid out" : "laid out"}\n`);
    if (failed > 0) this.setExitCode(Exit.failed);
    else if (check && changed > 0) this.setExitCode(Exit.problems);
  },
});

async function replaceFile(file: string, text: string): Promise<void> {
  const { writeAtomically } = await import("../../runtime/state/atomic_file.ts");
  const { errorText } = await import("../../control/protocol/errors.ts");
  try {
    await writeAtomically(await Deno.realPath(file), text, ((await Deno.stat(file)).mode ?? 0o644) & 0o7777);
  } catch (cause) {
    throw new ZssError("io", `Cannot write "${file}": ${errorText(cause)}`, { cause });
  }
}
