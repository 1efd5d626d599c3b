import type { MachineRule } from "../../rule.ts";
import { readModule } from "./_module.ts";

/** What the host offers to modules, by the name of the module that they import from. */
const OFFERED: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [
    "wasi_snapshot_preview1",
    new Set(
      ("args_get args_sizes_get environ_get environ_sizes_get clock_res_get clock_time_get fd_advise fd_allocate fd_close " +
        "fd_datasync fd_fdstat_get fd_fdstat_set_flags fd_fdstat_set_rights fd_filestat_get fd_filestat_set_size " +
        "fd_filestat_set_times fd_pread fd_prestat_get fd_prestat_dir_name fd_pwrite fd_read fd_readdir fd_renumber fd_seek " +
        "fd_sync fd_tell fd_write path_create_directory path_filestat_get path_filestat_set_times path_link path_open " +
        "path_readlink path_remove_directory path_rename path_symlink path_unlink_file poll_oneoff proc_exit proc_raise " +
        "random_get sched_yield sock_accept sock_recv sock_send sock_shutdown").split(" "),
    ),
  ],
  [
    "spider_host_v1",
    new Set(
      "spider_host_capabilities spider_host_now_ms spider_host_log spider_host_random_fill spider_host_emit_event_json"
        .split(" "),
    ),
  ],
]);

/** Modules that need nothing which is not there. */
export const wasmImport: MachineRule = {
  id: "wasm-import",
  severity: "error",
  reason: "A module imports only what the host offers: WASI preview 1 and `spider_host_v1`.",
  async check(manifest, probe) {
    const module = await readModule(manifest, probe);
    // A runner of one's own may offer more.
    if (module === undefined || module.file.runtime["runner_path"] !== undefined) return [];
    const missing = module.imports.filter(({ module: from, name, kind }) =>
      kind !== "function" || OFFERED.get(from)?.has(name) !== true
    );
    return missing.slice(0, 10).map(({ module: from, name, kind }) => ({
      path: module.file.path,
      message: `module "${module.file.name}" needs the ${kind} "${name}" of "${from}": the host has none`,
      hint: hintFor(from),
    }));
  },
};

function hintFor(from: string): string {
  switch (from) {
    case "wasi_snapshot_preview1":
      return "build it for WASI preview 1";
    case "spider_host_v1":
      return `spider_host_v1 has ${[...OFFERED.get(from) ?? []].join(", ")}`;
    default:
      return "the host offers wasi_snapshot_preview1 and spider_host_v1";
  }
}
