"""Build the Dockerfile and make a card in the container.

python .ci/container.py FOLDER

With Docker or Podman, the image is built. Without them, and as root on Debian, the Dockerfile's
commands run in a new root file system in FOLDER, which debootstrap makes: the same steps, on
Debian's own Python.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
NOTE = "Working memory holds about ==four chunks== at a time.\n"
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
NETWORK_SETTINGS = ("etc/resolv.conf", "etc/pip.conf", CERTIFICATES)
"""What the new root needs of this machine to reach the package index."""


def main(folder: Path) -> int:
    """Build the image in whichever way this machine can, and try it."""
    notes = folder / "notes"
    notes.mkdir(parents=True, exist_ok=True)
    notes.chmod(0o777)  # the user in the container is another one
    (notes / "Memory.md").write_text(NOTE, encoding="utf-8")
    for builder in ("docker", "podman"):
        if shutil.which(builder) and succeeds([builder, "info"]):
            run([builder, "build", "-t", "ankiforge", str(PROJECT)])
            try_it([builder, "run", "--rm", "-v", f"{notes}:/work", "ankiforge"])
            return 0
    if shutil.which("debootstrap") is None:
        sys.stderr.write(
            "no Docker, no Podman and no debootstrap: nothing to build with\n"
        )
        return 1
    root = Root(folder / "root")
    root.build(PROJECT / "Dockerfile")
    shutil.copytree(notes, root.path / "work", dirs_exist_ok=True)
    try_it(root.command())
    return 0


class Root:
    """A root file system in which a Dockerfile's commands run, its stages one after the other."""

    def __init__(self, path: Path) -> None:
        """Make a new Debian in `path`, with Python."""
        self.path = path
        self.user = "root"
        self.folder = "/"
        self.entrypoint: list[str] = []
        packages = "--include=python3,python3-venv,ca-certificates"
        run(["debootstrap", "--variant=minbase", packages, "stable", str(path)])
        for name in NETWORK_SETTINGS:
            self._copy(Path("/") / name, path / name)

    def build(self, dockerfile: Path) -> None:
        """Carry out the instructions of `dockerfile`; an unknown one is an error."""
        for line in dockerfile.read_text(encoding="utf-8").splitlines():
            instruction, _, rest = line.partition(" ")
            if not line or line.startswith("#"):
                continue
            self._instruction(instruction, rest)

    def command(self) -> list[str]:
        """Return what starts the entry point, as the user and in the folder of the Dockerfile."""
        inside = f'cd {self.folder} && exec {shlex.join(self.entrypoint)} "$@"'
        return [*self._enter(), "sh", "-c", inside, "sh"]

    def _instruction(self, instruction: str, rest: str) -> None:
        if instruction == "FROM":
            self.user = "root"
        elif instruction == "COPY" and rest.startswith("--from="):
            pass  # every stage is this root
        elif instruction == "COPY":
            *sources, target = rest.split()
            for source in sources:
                place = self.path / target.lstrip("/")
                self._copy(
                    PROJECT / source, place / source if target.endswith("/") else place
                )
        elif instruction == "RUN":
            run([*self._enter(), "sh", "-c", rest])
        elif instruction == "USER":
            self.user = rest
        elif instruction == "WORKDIR":
            self.folder = rest
        elif instruction == "ENTRYPOINT":
            self.entrypoint = json.loads(rest)
        else:
            raise SystemExit(f"Dockerfile: {instruction} is not known here")

    def _enter(self) -> list[str]:
        home = "/root" if self.user == "root" else f"/home/{self.user}"
        change_root = ["chroot", f"--userspec={self.user}", str(self.path)]
        environment = [
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            f"HOME={home}",
            f"PIP_CERT=/{CERTIFICATES}",
        ]
        return [*change_root, "env", "-i", *environment]

    def _copy(self, source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy(source, target)


def try_it(command: list[str]) -> None:
    """Make a card of a note with `command`, which starts ankiforge in the container."""
    run([*command, "run", "--yes", "Memory.md"])
    listed = subprocess.run(
        [*command, "list"], check=True, capture_output=True, text=True
    )
    if "four chunks" not in listed.stdout:
        raise SystemExit(f"the container made no card:\n{listed.stdout}{listed.stderr}")
    run([*command, "--version"])


def run(command: list[str]) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True)


def succeeds(command: list[str]) -> bool:
    """Run a command in silence and tell whether it succeeded."""
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
