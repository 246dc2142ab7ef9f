"""Builds the package with the standard library only: for pip (PEP 517) and `cargo xtask dist python`."""

import base64
import hashlib
import io
import re
import tarfile
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

HERE = Path(__file__).resolve().parent
NAME = "chinwag"
#: The date of all files in an archive, which makes builds reproducible.
DATE = (1980, 1, 1, 0, 0, 0)


def version() -> str:
    found = re.search(r'^__version__ = "(.+)"$', (HERE / NAME / "__init__.py").read_text(), re.MULTILINE)
    assert found, "__init__.py has no __version__"
    return found.group(1)


def metadata() -> str:
    return "\n".join([
        "Metadata-Version: 2.1",
        f"Name: {NAME}",
        f"Version: {version()}",
        "Summary: The API of a Chinwag chat server for backends",
        "License: MIT OR Apache-2.0",
        "Keywords: chat,messaging,webhooks",
        "Classifier: Framework :: AsyncIO",
        "Classifier: Programming Language :: Python :: 3",
        "Classifier: Typing :: Typed",
        "Requires-Python: >=3.9",
        "Description-Content-Type: text/markdown",
        "",
        (HERE / "README.md").read_text(),
    ])


def modules() -> List[Tuple[str, bytes]]:
    paths = sorted((HERE / NAME).iterdir())
    return [(f"{NAME}/{path.name}", path.read_bytes()) for path in paths if path.suffix == ".py" or path.name == "py.typed"]


def build_wheel(wheel_directory: str, config_settings: Optional[Dict[str, Any]] = None, metadata_directory: Optional[str] = None) -> str:
    info = f"{NAME}-{version()}.dist-info"
    files = modules()
    files.append((f"{info}/METADATA", metadata().encode()))
    files.append((f"{info}/WHEEL", b"Wheel-Version: 1.0\nGenerator: chinwag\nRoot-Is-Purelib: true\nTag: py3-none-any\n"))
    record = [f"{path},sha256={digest(data)},{len(data)}" for path, data in files]
    files.append((f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,", ""]).encode()))
    name = f"{NAME}-{version()}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, data in files:
            entry = zipfile.ZipInfo(path, DATE)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)
    return name


def build_sdist(sdist_directory: str, config_settings: Optional[Dict[str, Any]] = None) -> str:
    base = f"{NAME}-{version()}"
    files = modules()
    files += [(name, (HERE / name).read_bytes()) for name in ["README.md", "backend.py", "pyproject.toml"]]
    files.append(("PKG-INFO", metadata().encode()))
    with tarfile.open(Path(sdist_directory) / f"{base}.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for path, data in sorted(files):
            entry = tarfile.TarInfo(f"{base}/{path}")
            entry.size = len(data)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(data))
    return f"{base}.tar.gz"


def digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
