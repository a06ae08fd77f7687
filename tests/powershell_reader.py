#!/usr/bin/env python3
"""Reads PowerShell with tree-sitter-powershell, a grammar that shares no code with kcdoctor's tests.

usage: powershell_reader.py SCRIPT...        (pip install tree-sitter tree-sitter-powershell)

Ends with 1 unless every script parses without an error, and every mutant of it is refused. Mutants show that the reader
reads: each spoils one token of the script as a slip in generating it would.
"""

import sys

import tree_sitter_powershell
from tree_sitter import Language, Parser

PARSER = Parser(Language(tree_sitter_powershell.language()))


def faults(text):
    """The places (line, column) at which `text` is no PowerShell."""
    found, open_nodes = [], [PARSER.parse(text).root_node]
    while open_nodes:
        node = open_nodes.pop()
        if node.type == "ERROR" or node.is_missing:
            found.append((node.start_point[0] + 1, node.start_point[1] + 1))
        elif node.has_error:
            open_nodes.extend(node.children)
    return sorted(found)


def tokens(text, kind):
    """The leaves of a kind, in order."""
    found, open_nodes = [], [PARSER.parse(text).root_node]
    while open_nodes:
        node = open_nodes.pop()
        if node.type == kind:
            found.append(node)
        open_nodes.extend(reversed(node.children))
    return found


def mutants(text):
    """Names of slips, each with `text` spoilt by it; only those that `text` has room for."""
    for kind, name in (("}", "a missing brace"), (")", "a missing parenthesis")):
        own = tokens(text, kind)
        if own:
            last = own[-1]
            yield name, text[: last.start_byte] + text[last.end_byte :]
    literals = tokens(text, "verbatim_string_characters")
    if literals:
        # A name from a bundle whose quote was not doubled.
        middle = literals[len(literals) // 2]
        yield "a quote in a name", text[: middle.start_byte + 1] + b"'" + text[middle.start_byte + 1 :]
        yield "an open string", text[: literals[-1].end_byte - 1] + text[literals[-1].end_byte :]
    assignments = tokens(text, "assignement_operator")
    if assignments:
        operator = assignments[0]
        rest = text.find(b"\n", operator.end_byte)
        yield "a missing operand", text[: operator.end_byte] + b" )" + text[rest:]


def main(paths):
    if not paths:
        print(__doc__.strip(), file=sys.stderr)
        return 64
    failed = refused = 0
    for path in paths:
        with open(path, "rb") as script:
            text = script.read().removeprefix(b"\xef\xbb\xbf")
        places = ", ".join(f"{line}:{column}" for line, column in faults(text))
        taken = []
        for name, spoilt in mutants(text):
            if faults(spoilt):
                refused += 1
            else:
                taken.append(name)
        if places:
            print(f"{path}: no PowerShell to this reader at {places}")
        if taken:
            print(f"{path}: still PowerShell to this reader with {', '.join(taken)}")
        failed += bool(places or taken)
    print(f"{len(paths)} scripts, {failed} of them faulty; {refused} mutants refused")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
