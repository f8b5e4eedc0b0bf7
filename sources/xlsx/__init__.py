"""How one workbook is read: bytes to parts, parts to tokens, tokens to cells, cells to tables.

```
workbook       the four tables of one workbook
├── sheet_choice     which sheet is the list, which row has the headers
├── sheet_cells      what cells hold, and the columns they make
│   └── cell_values        numbers, dates, escaped characters
├── sheet_xml        cells as the XML states them, by arrays ...
│   └── sheet_xml_general  ... and by a parser, for XML that the arrays do not know for certain
└── package          sheets, styles, shared strings
    ├── archive            parts out of the bytes; what is no workbook is refused by name
    └── shared_strings
```
"""
