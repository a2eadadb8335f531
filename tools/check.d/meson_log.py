#!/usr/bin/env python3
"""Turns a log of meson's tests (JSON) into the result lines of tools/check."""

import json
import sys

WORDS = {"OK": "pass", "EXPECTEDFAIL": "pass", "SKIP": "skip"}


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        tests = [json.loads(line) for line in f]
    for test in tests:
        word = WORDS.get(test["result"], "fail")
        print("%s %s: %s, %.1f s" % (word, test["name"], test["result"], test["duration"]))
        if word == "fail":
            text = test.get("stdout", "") + test.get("stderr", "")
            for line in text.splitlines()[-25:]:
                print("  " + line)


if __name__ == "__main__":
    main()
