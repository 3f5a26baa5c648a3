"""Powers that nobody can work out cost no time."""

import pytest

from tsdg.verify.symbolic import boundless


@pytest.mark.parametrize(
    "text",
    ["10^{10^{10}}", "9^{9^{9^{9}}} + 1", "2**100000000", "3 - 10^(10^10)", "7^{99999999}/2"],
)
def test_a_power_without_bounds_is_told(text: str) -> None:
    assert boundless(text)


@pytest.mark.parametrize(
    "text",
    ["2^{10}", "x^{2^{3}}", "6.02 \\cdot 10^{23}", "(10^{3})^{4}", "2^{64}-1", "10^{-9}", "5", ""],
)
def test_one_that_can_be_worked_out_is_not(text: str) -> None:
    assert not boundless(text)
