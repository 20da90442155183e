"""`make bench`: measure again and write docs/benchmarks.md, each benchmark its own section."""

import argparse
import importlib
import sys

from benchmarks import streams

BENCHMARKS = (
    "power",
    "quiet",
    "dependence",
    "sizes",
    "cost",
    "encoders",
    "pipeline",
    "replays",
    "injections",
    "status_load",
    "deployments",
)  # each a module with `add_arguments` and `main`


def parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    made = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    made.set_defaults(run=BENCHMARKS, quick=False)
    commands = made.add_subparsers(title="benchmarks", metavar="NAME", help="without a name: all of them")
    for name in BENCHMARKS:
        module = importlib.import_module(f"benchmarks.{name}")
        command = commands.add_parser(name, help=(module.__doc__ or "").replace("%", "%%"))
        command.add_argument("--quick", action="store_true", help="a few minutes; writes no page")
        module.add_arguments(command)
        command.set_defaults(run=(name,))
    return made


def main() -> int:
    """Run one benchmark, or all of them."""
    chosen = parser().parse_args()
    if not streams.available():
        sys.stderr.write("the real prompts (../shared/data) are not here: nothing measured\n")
        return 5
    for name in chosen.run:
        importlib.import_module(f"benchmarks.{name}").main(chosen)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
