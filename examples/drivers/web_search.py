#!/usr/bin/env python3
"""Searches the web through an endpoint of your choice.

WEB_SEARCH_URL  the endpoint; {query} and {count} in it are replaced. It answers JSON in the form of SearXNG
                (format=json): {"results": [{"title", "url", "content"}, ...]}.
WEB_SEARCH_KEY  optional; sent as "Authorization: Bearer KEY".

In:   {"query": "...", "count": 5}      count from 1 to 20, 5 without it
Out:  {"ok": true, "query": "...", "results": [{"title", "url", "snippet"}, ...]}
"""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

TIMEOUT_SECONDS = 10
MAX_ANSWER_BYTES = 4 << 20


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
    query, count = request.get("query"), request.get("count", 5)
    if not isinstance(query, str) or query.strip() == "":
        raise Refusal('the payload needs a "query" that is text')
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= 20:
        raise Refusal(f'"count" must be a whole number from 1 to 20: it is {json.dumps(count)}')
    return query.strip(), count


def search(query, count):
    template = os.environ.get("WEB_SEARCH_URL", "")
    if not template.startswith(("http://", "https://")):
        raise Refusal("WEB_SEARCH_URL must name the endpoint, for example "
                      "https://searx.example.com/search?format=json&q={query}; set it in runtime.env")
    url = template.replace("{query}", urllib.parse.quote(query, safe="")).replace("{count}", str(count))
    headers = {"Accept": "application/json", "User-Agent": "zss-web-search/1"}
    if key := os.environ.get("WEB_SEARCH_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    host = urllib.parse.urlsplit(url).netloc.rsplit("@", 1)[-1]
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_SECONDS) as answer:
            body = answer.read(MAX_ANSWER_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise Refusal(f"{host} answered with HTTP {error.code}") from error
    except (urllib.error.URLError, OSError) as error:
        raise Refusal(f"{host} cannot be reached: {getattr(error, 'reason', error)}") from error
    if len(body) > MAX_ANSWER_BYTES:
        raise Refusal(f"{host} answered with more than {MAX_ANSWER_BYTES} bytes")
    try:
        found = json.loads(body)["results"]
        return [{"title": str(one.get("title", "")), "url": str(one["url"]), "snippet": str(one.get("content", ""))}
                for one in found[:count]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refusal(f'{host} did not answer with {{"results": [{{"title", "url", "content"}}]}}') from error


def main():
    try:
        query, count = read_request()
        results = search(query, count)
    except Refusal as refusal:
        print(f"Cannot search: {refusal}", file=sys.stderr)
        return 1
    json.dump({"ok": True, "query": query, "results": results}, sys.stdout, ensure_ascii=False)
    print()
    return 0


if __name__ == "__main__":
    sys.stdin.reconfigure(encoding="utf-8")
    sys.stdout.reconfigure(encoding="utf-8")
    sys.exit(main())
