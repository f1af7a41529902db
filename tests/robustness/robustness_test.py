"""Every hostile file ends as an error that names its cause, in bounded time and memory, and never as a crash."""

import pytest
from case_list import all_cases
from harness import check_case


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.title)
def test_case(case, tmp_path):
    wrong = check_case(case, tmp_path)
    assert not wrong, f"case {case.title}: {wrong}"
