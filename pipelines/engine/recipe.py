"""The fingerprint of what turns a part into rows: code, data files, settings. When it changes, parts are read anew."""

from __future__ import annotations

import hashlib
import inspect
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

import sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.engine.pipeline import Pipeline

LEFT_OUT = ("__pycache__", ".pyc")


def recipe(pipeline: Pipeline) -> str:
    """Return the SHA-256 of everything but the source's content that the rows of a part depend on."""
    names = sorted({name for step in pipeline.steps for name in step.settings})
    settings = repr([(name, getattr(pipeline, name)) for name in names])
    return hashlib.sha256("\0".join([settings, code(type(pipeline))]).encode()).hexdigest()


def code(pipeline: type[Pipeline]) -> str:
    """Return the SHA-256 of the code and the data files that the rows of a part depend on."""
    folders = sorted({str(folder) for folder in folders_of(pipeline)})
    parts = [pl.__version__, *(content(folder) for folder in folders)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def folders_of(pipeline: type[Pipeline]) -> Iterator[Path]:
    """Name the folders of the steps and the sources, and the pipeline's own file."""
    yield Path(sources.__path__[0])
    own = getattr(sys.modules.get(pipeline.__module__), "__file__", None)  # none where it was typed at a prompt
    if own:
        yield Path(own)
    for step in pipeline.steps:
        yield Path(inspect.getfile(step.function)).parent


@cache
def content(path: str) -> str:
    """Return the SHA-256 of a file, or of all files below a folder and their names."""
    digest = hashlib.sha256()
    root = Path(path)
    for file in sorted(root.rglob("*")) if root.is_dir() else [root]:
        if file.is_file() and not any(left_out in str(file) for left_out in LEFT_OUT):
            digest.update(file.relative_to(root.parent).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
