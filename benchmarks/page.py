"""docs/benchmarks.md: every benchmark replaces its own section, between its own markers."""

from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured: {} -->", "<!-- end: {} -->"


def write(name: str, section: str, page: Path = PAGE) -> None:
    """Replace what stands between the markers of `name`.

    Raises: ValueError where the page has no such markers: a section without its place would be lost.
    """
    text = page.read_text(encoding="utf-8")
    begin, end = BEGIN.format(name), END.format(name)
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{page} has no lines {begin!r} and {end!r}")
    page.write_text(f"{before}{begin}\n{section.strip()}\n{end}{after}", encoding="utf-8")


def table(header: list[str], rows: list[list[str]]) -> str:
    """Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
