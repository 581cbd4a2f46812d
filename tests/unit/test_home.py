"""The home folder: private, ours, used by one stack at a time."""

import os
from pathlib import Path

import pytest

from onsale.home import Home, HomeRefused, running_stack


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_home_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        home = Home.open(tmp_path / "deep" / "home")
        home.secret("admin.key")
    finally:
        os.umask(before)
    assert mode(home.path) == 0o700
    assert [path for path in home.path.rglob("*") if mode(path) & 0o077] == []


def test_a_home_that_became_readable_is_made_private_again(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    home.path.chmod(0o755)
    Home.open(home.path)
    assert mode(home.path) == 0o700


def test_a_folder_with_something_else_in_it_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir(mode=0o755)
    (folder / "chapter.txt").write_text("one")
    with pytest.raises(HomeRefused, match="holds something else"):
        Home.open(folder)
    assert mode(folder) == 0o755
    assert [path.name for path in folder.iterdir()] == ["chapter.txt"]


def test_a_home_that_cannot_be_made_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "home"):
        with pytest.raises(HomeRefused, match="cannot be used") as refused:
            Home.open(path)
        assert "\n" not in str(refused.value)


def test_a_home_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(HomeRefused, match="another user"):
        Home.open(tmp_path)


def test_a_secret_is_made_once_and_long_enough(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    secret = home.secret("queue.secret")
    assert len(secret) >= 32
    assert home.secret("queue.secret") == secret
    assert home.secret("admin.key") != secret


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    home.secret("admin.key")
    (home.path / "admin.key").chmod(0o644)
    with pytest.raises(HomeRefused, match="chmod 600"):
        home.secret("admin.key")


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    home.keep("admin.key", "\n")
    with pytest.raises(HomeRefused, match="is empty"):
        home.secret("admin.key")


def test_one_stack_holds_a_home_at_a_time(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    second = Home.open(home.path).locked()
    with home.locked(), pytest.raises(HomeRefused, match="runs already"):
        second.__enter__()
    with home.locked():
        pass


def test_a_running_stack_is_what_the_holder_of_the_lock_announced(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    assert running_stack(home.path) is None
    with home.locked():
        assert running_stack(home.path) is None
        home.announce_stack({"pid": 1})
        assert running_stack(home.path) == {"pid": 1}
        assert mode(home.path / "stack.json") == 0o600
    assert running_stack(home.path) is None, "what a killed process left means nothing"


def test_clear_removes_all_but_the_lock(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    home.secret("admin.key")
    home.valkey.mkdir()
    (home.valkey / "appendonly.aof").write_text("data")
    (home.logs / "gateway.log").write_text("words")
    home.clear()
    assert sorted(path.name for path in home.path.rglob("*")) == ["logs", "up.lock"]


def test_clear_follows_no_link_to_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("one")
    home = Home.open(tmp_path / "home")
    home.postgres.symlink_to(other)
    (home.path / "valkey").symlink_to(other)
    home.clear()
    assert (other / "thesis.txt").exists()
    assert not home.postgres.is_symlink()
