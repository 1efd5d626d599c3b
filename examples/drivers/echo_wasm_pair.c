/* The same service through a pair of functions: no program, no standard input.
 *
 *   clang --target=wasm32-wasi -O2 -mexec-model=reactor -o echo_wasm_pair.wasm echo_wasm_pair.c
 *
 * macOS and Windows: as echo_wasm.c says, with -mexec-model=reactor.
 */
#include <stdint.h>
#include <stdlib.h>

#define EXPORT(name) __attribute__((export_name(name)))

/* Optional functions of the host; docs/driver_abi.md lists them. */
__attribute__((import_module("spider_host_v1"), import_name("spider_host_log"))) int host_log(int level, const char *text,
                                                                                           int length);

EXPORT("spider_venom_abi_version") int abi_version(void) { return 1; }

/* Where the host puts the call. */
EXPORT("spider_venom_alloc") void *alloc(int length) { return malloc((size_t)length); }

/* The address of the result in the low half, its length in the high half. */
EXPORT("spider_venom_invoke_json") uint64_t invoke(char *payload, int length) {
  if (length > 65536) host_log(30, "that is a long call", 19);
  return ((uint64_t)length << 32) | (uint32_t)(uintptr_t)payload;
}
