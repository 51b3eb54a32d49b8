"""Failed assertions inside the shipped suites are shown with their values, as those in test files are."""

import pytest

pytest.register_assert_rewrite("outlast.testing.contract")
