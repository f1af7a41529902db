"""Every hostile file ends as an error that names its cause, in bounded time and memory, and never as a crash."""

import pytest
from case_list import all_cases
from harness import check_cases, minnow_path

CASES = all_cases()


@pytest.fixture(scope="module")
def faults(tmp_path_factory):
    minnow_path()  # fails here, once, where nothing is built
    return dict(check_cases(CASES, tmp_path_factory.mktemp("cases")))


@pytest.mark.parametrize("index", range(len(CASES)), ids=[case.title for case in CASES])
def test_case(index, faults):
    assert not faults[index], f"case {CASES[index].title}: {faults[index]}"
