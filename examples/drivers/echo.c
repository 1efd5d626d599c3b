/* Echo in C: one JSON object from standard input to standard output.
 *
 *   Linux, macOS:  cc -O2 -o echo-driver echo.c
 *   Windows:       cl /O2 /Fe:echo-driver.exe echo.c      or   gcc -O2 -o echo-driver.exe echo.c
 */
#include <stdio.h>
#include <stdlib.h>
#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#endif

/* What the node hands over at most. */
#define MAX_PAYLOAD (1 << 20)

int main(void) {
#ifdef _WIN32
  /* Bytes as they are: no carriage returns. */
  _setmode(_fileno(stdin), _O_BINARY);
  _setmode(_fileno(stdout), _O_BINARY);
#endif
  char *payload = malloc(MAX_PAYLOAD);
  size_t size = payload == NULL ? 0 : fread(payload, 1, MAX_PAYLOAD, stdin);
  /* No input is no call: the node has gone. */
  if (payload != NULL && size == 0) return 0;
  if (size == 0 || payload[0] != '{') {
    fprintf(stderr, "echo-driver wants a JSON object on standard input\n");
    return 1;
  }
  printf("{\"ok\":true,\"driver\":\"echo-driver\",\"echo\":");
  fwrite(payload, 1, size, stdout);
  printf("}\n");
  return fflush(stdout) == 0 ? 0 : 1;
}
