/* A service as a shared library: its result is the call.
 *
 * Linux:    cc -O2 -shared -fPIC -o echo_inproc.so echo_inproc.c
 * macOS:    cc -O2 -dynamiclib -o echo_inproc.dylib echo_inproc.c
 * Windows:  cl /O2 /LD echo_inproc.c                       (makes echo_inproc.dll)
 *      or:  x86_64-w64-mingw32-gcc -O2 -shared -o echo_inproc.dll echo_inproc.c
 *
 * examples/services.d/echo-inproc.json names the library of Linux; a node loads
 * it when it was started with --allow-inproc.
 */
#include <stddef.h>
#include <string.h>

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

EXPORT int spiderweb_driver_v1_invoke_json(const unsigned char *payload, size_t payload_len, unsigned char *out,
                                           size_t out_cap, size_t *out_len, unsigned char *err, size_t err_cap,
                                           size_t *err_len) {
  static const char too_long[] = "the call is longer than a result may be";
  if (payload_len <= out_cap) {
    memcpy(out, payload, payload_len);
    *out_len = payload_len;
    return 0;
  }
  if (sizeof too_long - 1 <= err_cap) {
    memcpy(err, too_long, sizeof too_long - 1);
    *err_len = sizeof too_long - 1;
  }
  return 1;
}
