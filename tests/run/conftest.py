"""Fixtures of the tests with the whole program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gangsaw.testing.decoys import Decoys

OWN = "GANGSAW_TEST_OWN_MOUNTS"
ROOT = Path(__file__).parents[2]


def _may_mount(folder: Path) -> bool:
    mount = ["mount", "-t", "tmpfs", "none", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        return False
    subprocess.run(["umount", str(folder)], check=True)
    return True


@pytest.fixture
def own_mounts(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The right to mount. Where the user has none, the test is run once more, as the root of a
    user namespace of its own, and passes or fails as it does there."""
    if os.environ.get(OWN) or _may_mount(tmp_path):
        return
    again = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider",
             request.node.nodeid]  # fmt: skip
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", *again], cwd=ROOT, capture_output=True,
        text=True, check=False, env={**os.environ, OWN: "1"},
    )  # fmt: skip
    if done.returncode:
        pytest.fail(f"in a user namespace of its own:\n{done.stdout}\n{done.stderr}")
    pytest.skip("passed in a user namespace of its own")


@pytest.fixture(scope="session", autouse=True)
def _beside_bystanders(bystanders: Decoys) -> None:
    """Every test here runs beside them."""
