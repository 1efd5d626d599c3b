#!/usr/bin/env python3
"""Takes a picture with a camera of this machine.

CAMERA_DEVICE   the camera; /dev/video0 without it
CAMERA_COMMAND  the program that takes the picture; ffmpeg without it. It is started as ffmpeg would be and writes a
                JPEG to its standard output.

In:   {"width": 640, "height": 480}     from 16 to 4096 each
Out:  {"ok": true, "device", "width", "height", "format": "jpeg", "bytes": N, "image_base64": "..."}
"""

import base64
import json
import os
import shutil
import stat
import subprocess
import sys

# What becomes result.json must stay below 1 MiB, and base64 makes four bytes of three.
MAX_IMAGE_BYTES = 720_000
TIMEOUT_SECONDS = 15


class Refusal(Exception):
    """Something that whoever called, or set this up, can mend."""


def read_request():
    text = sys.stdin.read()
    if text == "":
        sys.exit(0)  # No input is no call: the node has gone.
    try:
        request = json.loads(text)
    except ValueError as error:
        raise Refusal(f"the payload is no JSON: {error}") from error
    if not isinstance(request, dict):
        raise Refusal("the payload is no JSON object")
    size = [request.get("width", 640), request.get("height", 480)]
    for name, value in zip(("width", "height"), size):
        if not isinstance(value, int) or isinstance(value, bool) or not 16 <= value <= 4096:
            raise Refusal(f'"{name}" must be a whole number from 16 to 4096: it is {json.dumps(value)}')
    return size


def find_camera():
    device = os.environ.get("CAMERA_DEVICE", "/dev/video0")
    try:
        mode = os.stat(device).st_mode
    except FileNotFoundError as error:
        raise Refusal(f'there is no camera: "{device}" does not exist; plug one in, '
                      "or name another in CAMERA_DEVICE") from error
    except OSError as error:
        raise Refusal(f'"{device}" cannot be looked at: {error.strerror}') from error
    if not stat.S_ISCHR(mode):
        raise Refusal(f'there is no camera: "{device}" is not a device')
    if not os.access(device, os.R_OK | os.W_OK):
        raise Refusal(f'the camera "{device}" may not be used by this user; add the user to the group video')
    return device


def capture(device, width, height):
    command = os.environ.get("CAMERA_COMMAND", "ffmpeg")
    program = shutil.which(command)
    if program is None:
        raise Refusal(f'"{command}" is not installed; it takes the picture')
    args = [program, "-hide_banner", "-loglevel", "error", "-f", "v4l2", "-video_size", f"{width}x{height}",
            "-i", device, "-frames:v", "1", "-f", "image2pipe", "-c:v", "mjpeg", "-"]
    try:
        done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise Refusal(f'the camera "{device}" gave no picture within {TIMEOUT_SECONDS} s') from error
    if done.returncode != 0 or not done.stdout.startswith(b"\xff\xd8"):
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Refusal(f'the camera "{device}" gave no picture: {words[-1] if words else "no reason is given"}')
    if len(done.stdout) > MAX_IMAGE_BYTES:
        raise Refusal(f"the picture has {len(done.stdout)} bytes, {MAX_IMAGE_BYTES} fit; ask for a smaller one")
    return done.stdout


def main():
    try:
        width, height = read_request()
        device = find_camera()
        image = capture(device, width, height)
    except Refusal as refusal:
        print(f"Cannot take a picture: {refusal}", file=sys.stderr)
        return 1
    json.dump({"ok": True, "device": device, "width": width, "height": height, "format": "jpeg",
               "bytes": len(image), "image_base64": base64.b64encode(image).decode("ascii")}, sys.stdout)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
