"""What every test runs under: one thread for the linear algebra, examples that are the same every time."""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # before numpy is loaded
    os.environ.setdefault(name, "1")  # on shared cores several threads wait for each other: 8x slower

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402  after the environment is set
from xdist.remote import Producer  # noqa: E402
from xdist.scheduler import LoadScopeScheduling  # noqa: E402

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

REAL = ("kafka", "redis", "browser", "model")  # tiers that CI may not leave out
OTHERS = ("shared_data", "valkey")  # not everywhere to be had
LEFT_OUT: dict[str, str] = {}


# Started first, so that nothing waits for them; the first of all takes as long as all others with the broker.
LONG = ("tests/kafka/test_road", "tests/kafka", "tests/embedded", "tests/statistical")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first."""
    items.sort(key=lambda item: next((i for i, part in enumerate(LONG) if part in item.nodeid), len(LONG)))


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """One process runs a file, and at most two need a broker of their own: `make test` has three."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((part for part in LONG[:2] if file.startswith(part)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """How tests are given to processes."""
    return _ByFile(config, log)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember which tier was left out, and why."""
    if report.skipped and isinstance(report.longrepr, tuple | list):  # a list from another process
        for name in (*REAL, *OTHERS):
            if name in report.keywords:
                LEFT_OUT.setdefault(name, str(report.longrepr[2]).removeprefix("Skipped: "))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in the last lines what this machine could not run."""
    for name, reason in LEFT_OUT.items():
        terminalreporter.write_line(f"left out: tier {name} ({reason})")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a tier that is left out is a failure: a green run must have met the real thing."""
    if os.environ.get("CI") == "true" and any(name in LEFT_OUT for name in REAL):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
