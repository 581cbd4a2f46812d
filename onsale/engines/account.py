"""Who runs PostgreSQL, and where its files are when that is not us.

PostgreSQL refuses to run as root. Started by root it runs as an account that is already there, with
its files where that account can reach them; nothing outside those files changes owner or mode.
"""

import contextlib
import os
import pwd
import re
import secrets
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

_ACCOUNTS = ("postgres", "nobody")
_SHARED_BASE = Path("/var/lib/onsale")
_FALLBACK_BASE = Path("/var/tmp")  # noqa: S108  only ever used with an unguessable name
_NAME = re.compile(r"(onsale-)?[0-9a-f]{24}")
_MARK = "made-by-onsale"


class NoAccount(Exception):
    """Root finds nobody else to be."""


@dataclass(frozen=True, slots=True)
class Account:
    """An existing account without privileges."""

    name: str
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Give the account a file or folder that we just made."""
        os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can_run(self, program: Path, *files: Path) -> bool:
        """Whether the account may execute `program` and read `files`, as the kernel sees it."""
        script = '"$0" --version >/dev/null && for file in "$@"; do test -r "$file" || exit 1; done'
        done = subprocess.run(
            ["/bin/sh", "-c", script, str(program), *map(str, files)],
            user=self.uid,
            group=self.gid,
            extra_groups=[],
            cwd="/",
            env={"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return done.returncode == 0


def unprivileged() -> Account | None:
    """The account to run PostgreSQL as; None when we are not root and need none.

    Raises NoAccount when root finds none.
    """
    if os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            if found.pw_uid != 0:
                return Account(name, found.pw_uid, found.pw_gid)
    raise NoAccount(f"it refuses root, and no account is named {' or '.join(_ACCOUNTS)}")


def make_folder(account: Account, link: Path) -> Path:
    """A new folder of mode 700 that belongs to the account and that it can reach.

    Its mark says which link leads here, for a person who wonders whose data this is.
    """
    name = secrets.token_hex(12)
    base = _shared_base()
    folder = base / name if base else _FALLBACK_BASE / f"onsale-{name}"
    folder.mkdir(mode=0o700)
    (folder / _MARK).write_text(f"{link}\n")
    account.own(folder / _MARK)
    account.own(folder)
    return folder


def _shared_base() -> Path | None:
    """`/var/lib/onsale`, made when missing; None where it cannot be had or is not to be trusted."""
    try:
        _SHARED_BASE.mkdir(mode=0o755)
        _SHARED_BASE.chmod(0o755)  # ours and new: a strict umask would keep the account out
    except FileExistsError:
        pass
    except OSError:
        return None
    found = _SHARED_BASE.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == 0
    return _SHARED_BASE if ours and stat.S_IMODE(found.st_mode) == 0o755 else None


def remove_folder(folder: Path) -> None:
    """Remove what `make_folder` made; anything else is left alone."""
    made_here = folder.parent in (_SHARED_BASE, _FALLBACK_BASE) and _NAME.fullmatch(folder.name)
    if made_here and not folder.is_symlink() and (folder / _MARK).is_file():
        shutil.rmtree(folder)
        with contextlib.suppress(OSError):  # others still use it
            _SHARED_BASE.rmdir()
