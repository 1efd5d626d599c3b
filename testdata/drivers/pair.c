/* A module for the tests that is called through its pair of functions.
 *
 *   clang --target=wasm32-wasi -O2 -mexec-model=reactor -o pair.wasm pair.c
 *
 * -DMODE=... chooses what it does.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT(name) __attribute__((export_name(name)))
#define HOST(name) __attribute__((import_module("spider_host_v1"), import_name(name)))

HOST("spider_host_capabilities") uint64_t capabilities(void);
HOST("spider_host_now_ms") uint64_t now_ms(void);
HOST("spider_host_log") int log_text(int level, const char *text, int length);
HOST("spider_host_random_fill") int random_fill(void *into, int length);
HOST("spider_host_emit_event_json") int emit_event(const char *text, int length);
#ifdef MISSING
__attribute__((import_module("env"), import_name("launch_missiles"))) void launch_missiles(void);
#endif

#define ECHO 0
#define HOSTED 1
#define FAR 2
#define NOWHERE 3
#define EMPTY 4
#define LOOP 5
#define LONG 6
#ifndef MODE
#define MODE ECHO
#endif
#ifndef VERSION
#define VERSION 1
#endif

EXPORT("spider_venom_abi_version") int version(void) { return VERSION; }

EXPORT("spider_venom_alloc") void *alloc(int length) {
#ifdef NO_ROOM
  return NULL;
#endif
  return malloc((size_t)length);
}

static uint64_t give(const void *at, uint64_t length) { return (length << 32) | (uint32_t)(uintptr_t)at; }

EXPORT("spider_venom_invoke_json") uint64_t invoke(char *payload, int length) {
#ifdef MISSING
  launch_missiles();
#endif
  if (MODE == FAR) return give((void *)0xfffff000, 4096);
  if (MODE == NOWHERE) return give(NULL, 2);
  if (MODE == EMPTY) return 0;
  if (MODE == LOOP) for (;;) random_fill(payload, length);
  if (MODE == LONG) {
    char *space = malloc(2 << 20);
    memset(space, 'x', 2 << 20);
    return give(space, 2 << 20);
  }
  if (MODE == HOSTED) {
    static const char hello[] = "hello", event[] = "{}";
    unsigned char random[16] = {0};
    int sum = 0;
    if (log_text(30, hello, 5) != 0 || random_fill(random, 16) != 0 || emit_event(event, 2) != 1) return 0;
    for (int index = 0; index < 16; index++) sum += random[index];
    static char answer[16];
    strcpy(answer, capabilities() == 7 && now_ms() > 1600000000000 && sum > 0 ? "{\"ok\":true}" : "{\"ok\":false}");
    return give(answer, strlen(answer));
  }
  return give(payload, (uint64_t)length);
}
