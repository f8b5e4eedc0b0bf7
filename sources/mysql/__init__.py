"""A MySQL or MariaDB database: its tables are listed with a few queries and read with exact values.

```
source         the settings, and the tables as every source lists them
├── tables         parts of tables, read when they are collected
└── database       what an open database is asked, from several threads
    ├── catalogue      tables, columns and keys as they are declared
    ├── types          from a declared type to the exact type of the frame and of PostgreSQL
    │   └── rules          what is done with values that PostgreSQL does not have
    ├── windows        which rows are meant
    │   └── ranges         parts and chunks as ranges of keys
    ├── chunks         one window, read with connectorx ...
    ├── streams        ... or as lines of text, out of a session that is kept
    │   └── values         from what was read to exact values, with every rule counted
    ├── snapshots      transactions that begin at one state; locks
    ├── marks          whether a table was written in between
    ├── changes        checksums of ranges of keys
    ├── figures        counts and exact sums
    └── connections    sessions that are kept and lent out
        └── sessions       one login, read-only, in UTC; errors, statements
```
"""

from sources.mysql.database import Database, Declared
from sources.mysql.figures import Figures
from sources.mysql.marks import Mark
from sources.mysql.rules import Rules
from sources.mysql.source import MySQL
from sources.mysql.values import Rows
from sources.mysql.windows import KeyRange, Since, Window

__all__ = ["Database", "Declared", "Figures", "KeyRange", "Mark", "MySQL", "Rows", "Rules", "Since", "Window"]
