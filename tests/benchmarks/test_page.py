from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS, parser
from benchmarks.page import table, write

PAGE = (
    "# Title\n\n<!-- measured: a -->\nold\n<!-- end: a -->\n\n<!-- measured: b -->\nkept\n<!-- end: b -->\n"
)


def test_a_section_is_replaced_and_no_other(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    for _ in range(2):
        write("a", table(["x"], [["1"]]), page)
    assert page.read_text() == PAGE.replace("old", "| x |\n| --- |\n| 1 |")


def test_a_section_without_a_place_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    with pytest.raises(ValueError, match="measured: c"):
        write("c", "text", page)
    assert page.read_text() == PAGE


def test_the_command_says_what_it_measures() -> None:
    told = parser().format_help()
    assert all(name in told for name in BENCHMARKS)
