"""A MySQL or MariaDB database: its tables are listed with a few queries and read with exact values.

```
source         the settings, and the tables as every source lists them
├── catalogue      tables, columns and keys as they are declared
├── types          from a declared type to the exact type of the frame and of PostgreSQL
│   └── rules          what is done with values that PostgreSQL does not have
├── tables         parts of tables, read when they are collected
│   ├── ranges         parts and chunks as ranges of keys
│   ├── chunks         one range, read with connectorx
│   └── values         from what was read to exact values, with every rule counted
├── changes        whether a table is what it was
└── sessions       one login, read-only, in UTC
    ├── statements     the SQL, by name
    └── errors         what the server's errors mean to a person
```
"""

from sources.mysql.rules import Rules
from sources.mysql.source import MySQL

__all__ = ["MySQL", "Rules"]
