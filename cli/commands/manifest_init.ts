import { buildCommand } from "@stricli/core";
import { errorText, ZssError } from "../../control/protocol/errors.ts";
import { usageError } from "../errors.ts";
import { nonEmpty } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";

/** `zss manifest init` */
export const command = buildCommand<{ readonly type: string; readonly serviceId?: string }, [string?], CliContext>({
  docs: helpPage(`Write a manifest to start from. It has no findings.

Without a path it goes to standard output. A file that is there already is never
replaced. Types: native_proc (a program), native_inproc (a shared library), wasm
(a WebAssembly module), builtin (an entry of the catalog only).

Examples:
  $ zss manifest init services.d/camera.json
  $ zss manifest init --type wasm --service-id resize services.d/resize.json
  $ zss manifest init > echo.json`),
  parameters: {
    flags: {
      type: {
        kind: "parsed",
        parse: nonEmpty,
        brief: "type of the runtime",
        default: "native_proc",
        placeholder: "type",
      },
      serviceId: {
        kind: "parsed",
        parse: nonEmpty,
        brief: "name of the service; the name of the file without it",
        optional: true,
        placeholder: "id",
      },
    },
    positional: {
      kind: "tuple",
      parameters: [{ parse: nonEmpty, brief: "file to write", placeholder: "path", optional: true }],
    },
  },
  async func({ type, serviceId }, path) {
    const { isStarterType, lintManifest, starterManifest, starterTypes } = await import(
      "../../runtime/manifest/mod.ts"
    );
    if (!isStarterType(type)) {
      throw usageError(
        `Cannot write a manifest of type "${type}": no such type`,
        `use one of ${starterTypes.join(", ")}`,
      );
    }
    const id = serviceId ?? path?.split(/[/\\]/).at(-1)?.replace(/\.jsonc?$/, "") ?? "my-service";
    const text = starterManifest(type, id);
    const [problem] = lintManifest({ file: path ?? "-", text });
    if (problem !== undefined) {
      throw usageError(
        `Cannot write a manifest for "${id}": ${problem.message}`,
        problem.hint ?? "choose --service-id",
      );
    }
    if (path === undefined) {
      this.io.stdout.write(text);
      return;
    }
    try {
      await Deno.writeTextFile(path, text, { createNew: true });
    } catch (cause) {
      const isThere = cause instanceof Deno.errors.AlreadyExists;
      throw new ZssError("io", `Cannot write "${path}": ${isThere ? "it is there already" : errorText(cause)}`, {
        hint: isThere ? "choose another name" : "make its folder first, or name another path",
        cause,
      });
    }
    this.io.stderr.write(`${path} written; check it with zss manifest lint ${path}\n`);
  },
});
