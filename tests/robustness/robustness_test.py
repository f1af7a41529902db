"""Every hostile file ends as an error that names its cause, in bounded time and memory, and never as a crash."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from case_list import all_cases
from harness import check_case, minnow_path

CASES = all_cases()


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """The cases run side by side, as processes of their own."""
    minnow_path()  # fails here, once, where nothing is built
    folder = tmp_path_factory.mktemp("cases")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield [pool.submit(check_case, case, folder / str(i)) for i, case in enumerate(CASES)]


@pytest.mark.parametrize("index", range(len(CASES)), ids=[case.title for case in CASES])
def test_case(index, answers):
    wrong = answers[index].result()
    assert not wrong, f"case {CASES[index].title}: {wrong}"
