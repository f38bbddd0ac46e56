from __future__ import annotations

from pathlib import Path

import pytest

from langmix.errors import InputError
from langmix.files import alone, check_writable, discard_unfinished, write_text
from langmix.quantities import count


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


def test_a_lock_is_held_by_one_and_let_go_of_at_the_end(tmp_path: Path) -> None:
    with (
        alone(tmp_path, doing="run"),
        pytest.raises(InputError, match="another run is under way"),
        alone(tmp_path, doing="run"),
    ):
        pass
    with alone(tmp_path, doing="run"):
        assert not list(tmp_path.iterdir())


def test_what_a_kill_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = [tmp_path / name for name in ("a.json", ".a.json", ".b.json.x1", "a.json.x1", ".a.jsonx.x1")]
    for path in [*kept, tmp_path / ".a.json.x_1y2z3a"]:
        path.touch()
    discard_unfinished([tmp_path / "a.json", tmp_path / "absent" / "a.json"])
    assert sorted(tmp_path.iterdir()) == sorted(kept)


@pytest.mark.parametrize(
    ("number", "told"), [(999_499, "999k"), (999_600, "1M"), (38.24e9, "38.2B"), (800, "800"), (0, "0")]
)
def test_numbers_are_told_in_three_digits(number: float, told: str) -> None:
    assert count(number) == told
