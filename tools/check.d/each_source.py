#!/usr/bin/env python3
"""The ninja targets that compile each C file of the tree once: many are part of several programs,
and one compilation tells what a compiler has to say. Objects of the targets named are preferred,
as they are built anyway; generated files come with the targets that need them.

usage: each_source.py DIR TARGET..."""
import json
import os
import subprocess
import sys


def objects_of(folder, targets):
    """What ninja compiles for these targets."""
    text = subprocess.run(['ninja', '-C', folder, '-t', 'inputs'] + targets, check=True,
                          capture_output=True, text=True).stdout
    return {line.strip() for line in text.splitlines() if line.strip().endswith('.o')}


def main():
    folder, targets = sys.argv[1], sys.argv[2:]
    wanted = objects_of(folder, targets)
    inside = os.path.realpath(folder) + os.sep
    chosen = {}
    with open(os.path.join(folder, 'compile_commands.json')) as f:
        for entry in json.load(f):
            source = os.path.realpath(os.path.join(entry['directory'], entry['file']))
            out = entry['output']
            if source.endswith('.c') and not source.startswith(inside) and \
                    (source not in chosen or out in wanted):
                chosen[source] = out
    print('\n'.join(targets + sorted(set(chosen.values()) - wanted)))


if __name__ == '__main__':
    main()
