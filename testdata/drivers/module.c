/* A WASI module for the tests: what it does is its first argument.
 *
 *   clang --target=wasm32-wasi -O2 -o module.wasm module.c
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int echo(void) {
  static char buffer[65536];
  size_t length;
  while ((length = fread(buffer, 1, sizeof buffer, stdin)) > 0) fwrite(buffer, 1, length, stdout);
  return 0;
}

static int show(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return 5;
  }
  struct stat found;
  if (fstat(fileno(file), &found) == 0) printf("%lld bytes\n", (long long)found.st_size);
  char line[256];
  while (fgets(line, sizeof line, file) != NULL) fputs(line, stdout);
  fclose(file);
  return 0;
}

static int list(const char *path) {
  DIR *folder = opendir(path);
  if (folder == NULL) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return 5;
  }
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) printf("%s\n", entry->d_name);
  closedir(folder);
  return 0;
}

static int deep(int level) {
  volatile char room[64];
  room[0] = (char)level;
  return deep(level + 1) + room[0];
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "echo";
  const char *with = argc > 2 ? argv[2] : "";
  if (strcmp(what, "echo") == 0) return echo();
  if (strcmp(what, "fails") == 0) {
    printf("partial");
    fprintf(stderr, "no camera");
    return 9;
  }
  if (strcmp(what, "warns") == 0) {
    printf("{}");
    fprintf(stderr, "warming up");
    return 0;
  }
  if (strcmp(what, "loops") == 0) for (volatile int turn = 0;; turn++) {}
  if (strcmp(what, "floods") == 0) for (;;) fwrite("xxxxxxxxxxxxxxxx", 1, 16, stdout);
  if (strcmp(what, "floods_stderr") == 0) for (;;) fwrite("xxxxxxxxxxxxxxxx", 1, 16, stderr);
  if (strcmp(what, "ignores_input") == 0) return 0;
  if (strcmp(what, "traps") == 0) __builtin_trap();
  if (strcmp(what, "reaches") == 0) return *(volatile int *)0xfffffff0;
  if (strcmp(what, "recurses") == 0) return deep(0);
  if (strcmp(what, "aborts") == 0) abort();
  if (strcmp(what, "grows") == 0) {
    size_t total = 0;
    for (volatile char *piece; (piece = malloc(1 << 20)) != NULL; total++) {
      for (int index = 0; index < 1 << 20; index += 4096) piece[index] = 1;
    }
    fprintf(stderr, "out of memory after %zu MiB\n", total);
    return 12;
  }
  if (strcmp(what, "code") == 0) return atoi(with);
  if (strcmp(what, "shows") == 0) return show(with);
  if (strcmp(what, "lists") == 0) return list(with);
  if (strcmp(what, "writes") == 0) {
    FILE *file = fopen(with, "w");
    if (file != NULL) return 0;
    fprintf(stderr, "%s: %s\n", with, strerror(errno));
    return 6;
  }
  if (strcmp(what, "waits") == 0) {
    struct timespec time = {0, 20000000};
    nanosleep(&time, NULL);
    printf("waited");
    return 0;
  }
  if (strcmp(what, "variables") == 0) {
    for (char **each = environ; each != NULL && *each != NULL; each++) printf("%s\n", *each);
    for (int index = 0; index < argc; index++) printf("[%s]\n", argv[index]);
    return 0;
  }
  static int calls;
  if (strcmp(what, "counts") == 0) {
    printf("%d", ++calls);
    return 0;
  }
  return 64;
}

__attribute__((export_name("other"))) int other(void) {
  printf("other");
  fflush(stdout);
  return 4;
}
