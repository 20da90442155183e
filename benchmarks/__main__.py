"""`make bench`: measure everything again and write docs/benchmarks.md between its markers."""

import argparse
import sys
from pathlib import Path

from app.adapters.encoders import load_encoder
from benchmarks import replays, streams

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured: {} -->", "<!-- end: {} -->"


def main() -> int:
    """Run the replays; other benchmarks join here."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", choices=sorted(streams.STREAMS))
    chosen = parser.parse_args()
    if not streams.available():
        sys.stderr.write("the real prompts (../shared/data) are not here: nothing measured\n")
        return 5
    encoder = load_encoder(table=None, model=None, cache_dir=None)
    results = []
    for name, make in streams.STREAMS.items():
        if chosen.only in (None, name):
            for seed in range(chosen.seeds):
                results.append(replays.measure(make(seed), seed, encoder))
                sys.stderr.write(f"{results[-1]}\n")
    table = replays.table(results)
    sys.stdout.write(table + "\n")
    if chosen.only is None:
        write("replays", table)
    return 0


def write(name: str, table: str) -> None:
    """Replace one measured part of the page."""
    text = PAGE.read_text()
    begin, end = BEGIN.format(name), END.format(name)
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    PAGE.write_text(f"{before}{begin}\n{table}\n{end}{after}")


if __name__ == "__main__":
    raise SystemExit(main())
