"""Makes `workspaces/*.tar.xz` by the scripts in `workspaces.yaml`.

    python -m tests.golden.make_workspaces [NAME]...

Run it with commit eaf6667 and with no other: a workspace of that commit is what an upgrade meets. They are
made below /tmp/golden-eaf6667, at a fixed time, so that nothing in them tells of the machine they were made on.
"""

import datetime
import io
import os
import shutil
import sqlite3
import sys
import tarfile
import time
from contextlib import closing
from pathlib import Path

from tests.conftest import Forge
from tests.fakes import llm_server
from tests.golden import histories

HERE = Path(__file__).parent
ROOT = Path("/tmp/golden-eaf6667")
MOMENT = datetime.datetime(2024, 6, 1, 10, tzinfo=datetime.UTC).timestamp()


def packed_at(name: str) -> Path:
    return HERE / "workspaces" / f"{name.replace(' ', '-')}.tar.xz"


def make(name: str, workspace: dict[str, object]) -> None:
    shutil.rmtree(ROOT, ignore_errors=True)
    history = {**workspace, "steps": workspace["make"], "ahead": MOMENT - time.time()}
    histories.play(history, ROOT, Forge, llm_server)
    for path in ROOT.rglob("ankiforge.yaml"):
        text = path.read_text(encoding="utf-8")
        if "127.0.0.1" in text:
            start = text.index("http://127.0.0.1")
            path.write_text(text.replace(text[start : text.index('"', start)], "{llm}"))
    for path in ROOT.rglob("*.db"):
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.execute("VACUUM")
            database.execute("PRAGMA journal_mode = DELETE")
    for path in [*ROOT.rglob("*-wal"), *ROOT.rglob("*-shm"), *ROOT.rglob("*.lock")]:
        path.unlink()
    packed_at(name).parent.mkdir(exist_ok=True)
    with tarfile.open(packed_at(name), "w:xz", preset=9) as archive:
        for path in sorted(ROOT.rglob("*")):
            entry = archive.gettarinfo(path, str(path.relative_to(ROOT)))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = int(MOMENT)
            entry.mode = 0o755 if path.is_dir() else 0o644
            archive.addfile(entry, io.BytesIO(path.read_bytes()) if path.is_file() else None)
    print(f"{packed_at(name).name}: {packed_at(name).stat().st_size // 1000} kB")  # noqa: T201


def main() -> None:
    os.environ.pop("ANKIFORGE_TRUST", None)
    for name, workspace in histories.read_workspaces().items():
        if not sys.argv[1:] or name in sys.argv[1:]:
            make(name, workspace)
    shutil.rmtree(ROOT)  # where it stands, the packed ones would be its copies


if __name__ == "__main__":
    main()
