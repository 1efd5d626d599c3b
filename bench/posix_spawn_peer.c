/* The peer of the drivers: what a call costs that starts a program.
 *
 *   cc -O2 -o posix_spawn_peer posix_spawn_peer.c
 *   posix_spawn_peer CALLS BYTES    starts itself as `echo` that often with that much input and
 *                                   prints the median and the 99th percentile in microseconds
 *   posix_spawn_peer echo           writes what it reads
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return left < right ? -1 : left > right;
}

static int echo(void) {
  char buffer[65536];
  ssize_t length;
  while ((length = read(0, buffer, sizeof buffer)) > 0) {
    if (write(1, buffer, (size_t)length) != length) return 1;
  }
  return length < 0;
}

/* One call, from its start to the end of the program. */
static void call(char *self, const char *payload, size_t bytes) {
  int in[2], out[2], status;
  pid_t pid;
  static char answer[1 << 20];
  char *argv[] = {self, "echo", NULL};
  size_t got = 0;
  posix_spawn_file_actions_t actions;
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) exit(2);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  if (posix_spawn(&pid, self, &actions, NULL, argv, environ) != 0) exit(2);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  if (write(in[1], payload, bytes) != (ssize_t)bytes) exit(2);
  close(in[1]);
  for (ssize_t length; (length = read(out[0], answer + got, sizeof answer - got)) > 0;) got += (size_t)length;
  close(out[0]);
  if (waitpid(pid, &status, 0) != pid || status != 0 || got != bytes || memcmp(answer, payload, bytes) != 0) exit(2);
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "echo") == 0) return echo();
  if (argc < 3) return 2;
  int calls = atoi(argv[1]);
  size_t bytes = (size_t)atoi(argv[2]);
  double *took = malloc(sizeof(double) * (size_t)calls);
  char *payload = malloc(bytes);
  memset(payload, 'x', bytes);
  for (int index = 0; index < calls; index++) {
    double began = now_us();
    call(argv[0], payload, bytes);
    took[index] = now_us() - began;
  }
  qsort(took, (size_t)calls, sizeof(double), compare);
  printf("%.1f %.1f\n", took[calls / 2], took[calls * 99 / 100]);
  return 0;
}
