"""The project's files as lint sees them: read once, comments blanked out.

Every rule is a function of a Tree that yields Findings, so that a rule can be
run on a small tree made by a test.
"""

import dataclasses
import functools
import io
import pathlib
import re
import tokenize

CODE_FOLDERS = ("server", "client", "proto", "tests")


@dataclasses.dataclass(frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: [{self.rule}] {self.message}"


class Source:
    """One file; `path` is relative to the tree, with slashes."""

    def __init__(self, root, path):
        self.path = path
        self.text = (root / path).read_text(encoding="utf-8", errors="replace")
        self.lines = self.text.split("\n")

    @property
    def folder(self):
        return self.path.rpartition("/")[0]

    @functools.cached_property
    def code(self):
        """The text with C++ comments and literals blanked, line by line."""
        return blank_cpp(self.text)

    @functools.cached_property
    def code_lines(self):
        return self.code.split("\n")

    def allows(self, number, what):
        """Whether `lint: WHAT allowed because REASON` stands in the line, or in
        the comment directly above it."""
        wanted = re.compile(rf"lint: {what} allowed because \S+")
        if wanted.search(self.lines[number - 1]):
            return True
        comment = []
        for line in reversed(self.lines[: number - 1]):
            if not re.match(r"\s*(//|#)", line):
                break
            comment.insert(0, re.sub(r"^\s*(//|#)\s*", "", line))
        return bool(wanted.search(" ".join(comment)))


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)

    @functools.lru_cache(maxsize=None)
    def source(self, path):
        return Source(self.root, path)

    def has(self, path):
        return (self.root / path).is_file()

    def sources(self, folders, suffixes=None):
        """The files below `folders`, in order of their paths.  A suffix of ""
        means files that have none, as scripts."""
        for folder in folders:
            for file in sorted((self.root / folder).rglob("*")):
                path = file.relative_to(self.root)
                if not file.is_file() or "__pycache__" in path.parts:
                    continue
                if suffixes is not None and file.suffix not in suffixes:
                    continue
                yield self.source(path.as_posix())

    def cpp(self, *folders):
        return self.sources(folders or CODE_FOLDERS, (".h", ".cc"))

    def cmake(self):
        for source in self.sources(CODE_FOLDERS, (".txt",)):
            if source.path.endswith("CMakeLists.txt"):
                yield source


_CPP_TOKEN = re.compile(
    r"""
      //[^\n]*                                   # comment to the line's end
    | /\*.*?\*/                                  # comment over lines
    | R"(?P<fence>[^()\\\s]{0,16})\(.*?\)(?P=fence)"   # raw string
    | "(?:\\.|[^"\\\n])*"                        # string
    | (?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'       # character, not 1'000
    """,
    re.VERBOSE | re.DOTALL,
)


def blank_cpp(text):
    """`text` with comments and literals made blank; what a line includes stays."""

    def blank(match):
        start = text.rfind("\n", 0, match.start()) + 1
        before = text[start : match.start()].strip()
        if before == "#include" and match.group().startswith('"'):
            return match.group()
        return re.sub(r"[^\n]", " ", match.group())

    return _CPP_TOKEN.sub(blank, text)


def python_names(text):
    """(line, name) of each name in Python text; strings and comments have none."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME:
            yield token.start[0], token.string
