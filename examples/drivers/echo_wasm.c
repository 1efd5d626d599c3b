/* A service as a WebAssembly module for WASI preview 1: its result is the call.
 *
 * It reads standard input and writes standard output, so the same source is a
 * program too. One module runs on every system; it is built with
 *
 * Linux:    clang --target=wasm32-wasi -O2 -o echo_wasm.wasm echo_wasm.c
 *           (Debian: apt install clang lld wasi-libc libclang-rt-14-dev-wasm32)
 * macOS:    /opt/wasi-sdk/bin/clang -O2 -o echo_wasm.wasm echo_wasm.c
 * Windows:  C:\wasi-sdk\bin\clang.exe -O2 -o echo_wasm.wasm echo_wasm.c
 *
 * where the last two are the WASI SDK, which there is for Linux as well.
 */
#include <stdio.h>

int main(void) {
  static char buffer[65536];
  size_t length;
  while ((length = fread(buffer, 1, sizeof buffer, stdin)) > 0) {
    if (fwrite(buffer, 1, length, stdout) != length) return 1;
  }
  return ferror(stdin) ? 1 : 0;
}
