"""Invented commission extracts, ten raw tables at any scale with all that is wrong with real ones, and the truth of it.

```
python -m benchmarks.commissions_source --scale 0.01 --to DIR
```
writes ``DIR/extracts/*.csv``, ``DIR/truth.json`` and, as Parquet, what becomes of every certificate. The same arguments
give byte-identical files. The truth is stated by construction: what belongs to one proposal was made for it.
"""

from benchmarks.commissions_source.dirt import CLEAN, Dirt
from benchmarks.commissions_source.folder import CACHE, cached, generate
from benchmarks.commissions_source.headers import FILES, HEADERS, WRONG_LAYOUT_FILE
from benchmarks.commissions_source.presets import PRESETS, Sizes
from benchmarks.commissions_source.truth import ExtractTruth, Truth

__all__ = [
    "CACHE",
    "CLEAN",
    "FILES",
    "HEADERS",
    "PRESETS",
    "WRONG_LAYOUT_FILE",
    "Dirt",
    "ExtractTruth",
    "Sizes",
    "Truth",
    "cached",
    "generate",
]
