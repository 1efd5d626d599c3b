/* A library for the tests: one function for each thing that a library can do.
 *
 *   cc -shared -fPIC -o library.so library.c
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

extern char **environ;

#define DRIVER(name)                                                                                      \
  int name(const unsigned char *payload, size_t payload_len, unsigned char *out, size_t out_cap, size_t *out_len, \
           unsigned char *err, size_t err_cap, size_t *err_len)

static void say(unsigned char *to, size_t *length, const char *text) {
  *length = strlen(text);
  memcpy(to, text, *length);
}

static void start(const char *script, const char *name) {
  pid_t pid;
  char *argv[] = {"sh", "-c", (char *)script, (char *)name, NULL};
  posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ);
}

#ifdef CRASH_WHEN_LOADED
__attribute__((constructor)) static void crash_when_loaded(void) { abort(); }
#endif
#ifdef HANG_WHEN_LOADED
__attribute__((constructor)) static void hang_when_loaded(void) { for (;;) pause(); }
#endif
#ifndef ANSWER
#define ANSWER "first"
#endif

DRIVER(echo) {
  memcpy(out, payload, payload_len);
  *out_len = payload_len;
  return 0;
}

DRIVER(answer) { say(out, out_len, ANSWER); return 0; }

DRIVER(fails) {
  say(out, out_len, "partial");
  say(err, err_len, "no camera");
  return 9;
}

DRIVER(warns) {
  say(out, out_len, "{}");
  say(err, err_len, "warming up");
  return 0;
}

DRIVER(kills) { kill(getpid(), SIGKILL); return 0; }

DRIVER(hangs) {
  start("trap '' TERM; while :; do sleep 1; done", getenv("MARKER"));
  for (;;) sleep(1);
}

DRIVER(floods) {
  memset(out, 'x', out_cap);
  *out_len = out_cap;
  return 0;
}

DRIVER(floods_stderr) { for (;;) if (write(2, "xxxxxxxxxxxxxxxx", 16) < 0) return 1; }

DRIVER(ignores_input) { return 0; }

DRIVER(leaves_child) {
  start("sleep 60; :", getenv("MARKER"));
  say(out, out_len, "{}");
  return 0;
}

DRIVER(leaves_group) {
  start("exec setsid sleep 5", "sh");
  usleep(200000);
  say(out, out_len, "{}");
  return 0;
}

DRIVER(loops) { for (;;) {} }
DRIVER(exits) { exit(7); }
DRIVER(exits_silently) { exit(0); }
DRIVER(crashes) { fputs("about to crash\n", stderr); *(volatile int *)16 = 1; return 0; }
DRIVER(aborts) { abort(); }

DRIVER(long_output) { *out_len = out_cap + 1; return 0; }
DRIVER(long_error) { *err_len = (size_t)-1; return 0; }
DRIVER(negative) { return -1; }
DRIVER(thousand) { return 1000; }

DRIVER(prints) {
  printf("to standard output\n");
  fprintf(stderr, "to standard error\n");
  memcpy(out, payload, payload_len);
  *out_len = payload_len;
  return 0;
}

/* Writes nonsense to every descriptor that there is, the helper's own among them. */
DRIVER(garbles) {
  for (int fd = 1; fd < 256; fd++) {
    if (fcntl(fd, F_GETFD) < 0) continue;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) continue;
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    if (write(fd, "\377\377\377\377nonsense", 12) < 0) continue;
  }
  for (;;) pause();
}

DRIVER(closes) {
  for (int fd = 0; fd < 256; fd++) close(fd);
  return 0;
}

DRIVER(grows) {
  for (;;) {
    char *piece = malloc(1 << 20);
    if (piece != NULL) memset(piece, 1, 1 << 20);
    usleep(200);
  }
}

static int calls;
DRIVER(counts) {
  *out_len = (size_t)snprintf((char *)out, out_cap, "{\"pid\":%d,\"calls\":%d}", getpid(), ++calls);
  return 0;
}

DRIVER(variables) {
  size_t length = 0;
  for (char **each = environ; *each != NULL; each++) length += (size_t)sprintf((char *)out + length, "%s\n", *each);
  *out_len = length;
  return 0;
}
