"""Puts every change of a list behind a switch, all of them into one copy of the source.

`cargo mutants --list --json` says what could be changed: a function's value, an operator, a
`!`, an arm or a guard of a `match`. Here each becomes `if crate::mutant::is(N) {..} else {..}`
("mutant schemata"), so that one build serves for all and a change costs the time of its tests
alone. What stands in a constant cannot be switched, and is said.
"""

import collections
import pathlib

import tree_sitter
import tree_sitter_rust

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_rust.language()))

OPERATIONS = ("binary_expression", "unary_expression", "compound_assignment_expr")

SWITCH = """//! Which change is on. Written by `tests/mutants`.
#![allow(warnings, clippy::all, clippy::pedantic)]

use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static REACHED: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];
static SAID: OnceLock<(usize, Option<String>)> = OnceLock::new();

pub fn is(number: usize) -> bool {
    let (on, reached) = SAID.get_or_init(|| {
        let on = std::env::var("MUTANT").ok().and_then(|text| text.parse().ok());
        (on.unwrap_or(usize::MAX), std::env::var("MUTANTS_REACHED").ok())
    });
    if let Some(path) = reached && !REACHED[number].swap(true, Ordering::SeqCst) {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        let _ = file.unwrap().write_all(format!("{number}\\n").as_bytes());
    }
    *on == number
}
"""


def is_on(number):
    return f"crate::mutant::is({number})"


def marked(number, text):
    """Where a change stands, for reading the compiler's errors."""
    return f"/*<{number}*/{text}/*{number}>*/"


def nodes_of(node):
    yield node
    for child in node.children:
        yield from nodes_of(child)


class File:
    """One file, and what is to be switched in it."""

    def __init__(self, text):
        self.text = text
        self.starts = [0]
        for line in text.split(b"\n"):
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.nodes = list(nodes_of(PARSER.parse(text).root_node))
        self.constants = [n for n in self.nodes if n.type in ("const_item", "static_item")]
        # Place -> what is put in there; (start, end, kind) -> what is wrapped.
        self.inserts = collections.defaultdict(list)
        self.wraps = collections.defaultdict(list)
        # A switch is no constant, nor is a function that calls one: a constant function is an
        # ordinary one here. Nothing of ours needs it sooner.
        modifiers = (n for n in self.nodes if n.type == "function_modifiers")
        self.blanks = [(m.start_byte, m.end_byte) for m in modifiers if m.text == b"const"]

    def place(self, at):
        start = self.starts[at["line"] - 1]
        line = self.text[start : self.starts[at["line"]]].decode()
        return start + len(line[: at["column"] - 1].encode())

    def add(self, number, change):
        """Whether the change can be switched."""
        start, end = self.place(change["span"]["start"]), self.place(change["span"]["end"])
        kind = change["genre"]
        constant = any(n.start_byte <= start < n.end_byte for n in self.constants)
        if kind == "FnValue":
            return self.value(number, change["replacement"], start, end)
        if constant:
            return False
        if kind in ("BinaryOperator", "UnaryOperator"):
            return self.operator(number, change["replacement"], start)
        if kind == "MatchArm":
            return self.arm(number, start, end)
        if kind == "MatchArmGuard":
            return self.guard(number, change["replacement"] == "true", start)
        return False

    def innermost(self, fits):
        found = [n for n in self.nodes if fits(n)]
        return max(found, key=lambda n: n.start_byte, default=None)

    def value(self, number, replacement, start, end):
        def fits(node):
            body = node.type == "function_item" and node.child_by_field_name("body")
            return body and body.start_byte <= start and end <= body.end_byte

        function = self.innermost(fits)
        if function is None or "std::iter::" in replacement:
            return False
        change = marked(number, f" if {is_on(number)} {{ return {replacement}; }} ")
        self.inserts[function.child_by_field_name("body").start_byte + 1].append(change)
        return True

    def operator(self, number, replacement, start):
        def fits(node):
            leaf = node.start_byte == start and not node.children
            return leaf and node.parent and node.parent.type in OPERATIONS

        token = self.innermost(fits)
        if token is None:
            return False
        whole = token.parent
        before = self.text[whole.start_byte : token.start_byte].decode()
        after = self.text[token.end_byte : whole.end_byte].decode()
        changed = marked(number, before + replacement + after)
        key = (whole.start_byte, whole.end_byte, "operation")
        self.wraps[key].append(f"if {is_on(number)} {{ {changed} }} else ")
        return True

    def arm(self, number, start, end):
        arm = self.innermost(
            lambda n: n.type == "match_arm" and n.start_byte <= start and end <= n.end_byte + 1
        )
        if arm is None:
            return False
        pattern = arm.child_by_field_name("pattern")
        condition = pattern.child_by_field_name("condition")
        off = marked(number, f"!{is_on(number)}")
        if condition is None:
            self.inserts[pattern.end_byte].append(f" if {off}")
        else:
            key = (condition.start_byte, condition.end_byte, "guard")
            self.wraps[key].append(f"{off} && ")
        return True

    def guard(self, number, always, start):
        def fits(node):
            condition = node.type == "match_pattern" and node.child_by_field_name("condition")
            return condition and condition.start_byte <= start < condition.end_byte

        pattern = self.innermost(fits)
        if pattern is None:
            return False
        condition = pattern.child_by_field_name("condition")
        on = marked(number, is_on(number) if always else f"!{is_on(number)}")
        key = (condition.start_byte, condition.end_byte, "guard")
        self.wraps[key].append(f"{on} || " if always else f"{on} && ")
        return True

    def switched(self):
        text = self.text
        for start, end in self.blanks:
            text = text[:start] + b" " * (end - start) + text[end:]
        # Outer before inner; of one place, the guard before what it consists of.
        wraps = sorted(self.wraps.items(), key=lambda w: (w[0][0], -w[0][1], w[0][2] != "guard"))
        return self.render(text, 0, len(text), wraps)

    def plain(self, text, start, end):
        out, at = b"", start
        for place in sorted(p for p in self.inserts if start <= p < end):
            out += text[at:place] + "".join(self.inserts[place]).encode()
            at = place
        return out + text[at:end]

    def render(self, text, start, end, wraps):
        out, at, i = b"", start, 0
        while i < len(wraps):
            (first, last, kind), changes = wraps[i]
            j = i + 1
            while j < len(wraps) and wraps[j][0][0] < last:
                j += 1
            out += self.plain(text, at, first)
            core = self.render(text, first, last, wraps[i + 1 : j]).decode()
            if kind == "guard":
                whole = f"({core})"
                for change in changes:
                    whole = f"({change}{whole})"
            else:
                whole = f"({''.join(changes)}{{ {core} }})"
            out += whole.encode()
            at, i = last, j
        return out + self.plain(text, at, end)


def write(source, target, changes, dropped):
    """Writes the switched files below `target`; gives the numbers that are not in there."""
    sources = pathlib.Path(source, "src").rglob("*.rs")
    files = {str(path.relative_to(source)): File(path.read_bytes()) for path in sources}
    missing = set(dropped)
    for number, change in enumerate(changes):
        if number not in dropped and not files[change["file"]].add(number, change):
            missing.add(number)
    for path, file in files.items():
        pathlib.Path(target, path).write_bytes(file.switched())
    text = SWITCH.replace("COUNT", str(len(changes) + 1))
    pathlib.Path(target, "src/mutant.rs").write_text(text)
    lib = pathlib.Path(target, "src/lib.rs")
    lib.write_text(lib.read_text() + "\n#[doc(hidden)]\npub mod mutant;\n")
    return missing
