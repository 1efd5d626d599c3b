/* The echo of mode persistent: a call a line in, an answer a line out. Takes the members in the order the node has. */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

static char in[1 << 22], out[1 << 22];

static char *add(char *to, const char *text, size_t size) {
  memcpy(to, text, size);
  return to + size;
}

int main(void) {
  size_t size = 0;
  ssize_t n;
  while ((n = read(0, in + size, sizeof in - size)) > 0) {
    size += n;
    char *line = in, *end, *to = out;
    while ((end = memchr(line, '\n', in + size - line)) != NULL) {
      char *id = line + strlen("{\"call_id\":");
      char *payload = strstr(id, ",\"payload\":");
      char *rest = memrchr(line, ',', end - line);
      if (payload == NULL || rest == NULL) return 2;
      to = add(to, "{\"call_id\":", 11);
      to = add(to, id, payload - id);
      to = add(to, ",\"ok\":true,\"result\":", 20);
      payload += strlen(",\"payload\":");
      to = add(to, payload, rest - payload);
      to = add(to, "}\n", 2);
      line = end + 1;
    }
    size -= line - in;
    memmove(in, line, size);
    for (char *at = out; at < to; at += n)
      if ((n = write(1, at, to - at)) < 0) return 1;
  }
  return 0;
}
