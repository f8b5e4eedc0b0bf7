"""The shop that is tortured: five tables in which every row carries its generation, and what stands around them."""

from __future__ import annotations

DATASET = "shop"
ROWS = {"customers": 200, "products": 100, "orders": 500, "lines": 1000, "payments": 400}
PARENTS = {
    "orders": {"customer_id": "customers"},
    "lines": {"order_id": "orders", "product_id": "products"},
    "payments": {"order_id": "orders"},
}

SUMMARY = "SELECT '{0}', count(*), min(generation), max(generation) FROM shop.{0}"
ALL = " UNION ALL ".join(SUMMARY.format(name) for name in ROWS)
EVERYTHING = f"{ALL} UNION ALL SELECT * FROM public.sold_in_all"  # noqa: S608 (names of this module)
GENERATION = "SELECT generation FROM firn.dataset"

# Made once, after the first publication. The unrelated table is there to take a snapshot by, without touching the shop;
# the function's statements all have the snapshot of the statement that calls it.
SURROUNDINGS = f"""
CREATE TABLE public.unrelated AS SELECT 1 AS id;
CREATE FUNCTION public.generations() RETURNS TABLE (name text, rows bigint, low bigint, high bigint)
LANGUAGE plpgsql STABLE AS $$ BEGIN {" ".join(f"RETURN QUERY {SUMMARY.format(name)};" for name in ROWS)} END $$;
CREATE VIEW public.sold AS
SELECT l.id, c.generation AS of_customer, o.generation AS of_order, l.generation AS of_line
FROM shop.lines l JOIN shop.orders o ON o.id = l.order_id JOIN shop.customers c ON c.id = o.customer_id;
CREATE VIEW public.sold_in_all AS
SELECT 'lines', count(*) AS rows, least(min(of_customer), min(of_order), min(of_line)) AS low,
       greatest(max(of_customer), max(of_order), max(of_line)) AS high FROM public.sold;
"""  # noqa: S608 (names of this module)

# What the tables carry besides; every publication keeps it.
KEYS = " ".join(
    f"ALTER TABLE shop.{table} ADD CONSTRAINT {table}_{parent} FOREIGN KEY ({column}) REFERENCES shop.{parent};"
    for table, columns in PARENTS.items()
    for column, parent in columns.items()
)


def rows(table: str, generation: int) -> str:
    """Select the rows of a table: the same keys in every generation, so foreign keys hold across all of them."""
    columns = ["id", f"{generation}::bigint AS generation"]
    columns += [f"id % {ROWS[parent]} + 1 AS {column}" for column, parent in PARENTS.get(table, {}).items()]
    return f"SELECT {', '.join(columns)} FROM generate_series(1, {ROWS[table]}) AS id"  # noqa: S608 (names of this module)
