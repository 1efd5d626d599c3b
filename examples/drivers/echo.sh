#!/bin/bash
# Echo in bash: one JSON object from standard input to standard output.
set -euo pipefail

payload=$(cat)
# No input is no call: the node has gone.
[[ -n $payload ]] || exit 0
if [[ $payload != "{"*"}" ]]; then
  echo "echo.sh wants a JSON object on standard input" >&2
  exit 1
fi
printf '{"ok":true,"driver":"echo.sh","echo":%s}\n' "$payload"
