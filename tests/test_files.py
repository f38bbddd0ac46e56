from __future__ import annotations

from pathlib import Path

import pytest

from langmix.errors import InputError
from langmix.files import check_writable, write_text


@pytest.mark.parametrize("place", ["taken", "taken/below/file", "/proc/nowhere/file"])
def test_a_path_that_cannot_be_written_is_refused_before_and_when_it_is_written(
    tmp_path: Path, place: str
) -> None:
    (tmp_path / "taken").touch()
    path = tmp_path / place
    folder = place == "taken"
    with pytest.raises(InputError, match=r"cannot be written \(.+\); give another"):
        check_writable(path, folder=folder, remedy="give another")
    with pytest.raises(InputError, match=r"cannot be written \(.+\); choose"):
        write_text(path / "file" if folder else path, "text")
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it is a folder"):
        check_writable(tmp_path, remedy="give another")
    with pytest.raises(InputError, match="cannot be written"):
        write_text(tmp_path, "text")


def test_asking_leaves_nothing(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b", folder=True, remedy="")
    check_writable(tmp_path / "a" / "b", remedy="")
    assert list(tmp_path.iterdir()) == []
