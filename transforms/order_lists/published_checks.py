"""What must hold of production itself once a generation is visible; a publication that breaks it is undone."""

# No future import: the engine reads the annotations, which say which columns are read.
import dataframely as dy
import polars as pl

__all__ = ["lines_have_origins"]


class Identified(dy.Schema):
    """The column by which the published tables are joined."""

    record_uuid = dy.Binary(primary_key=True, metadata={"postgres": "uuid"})


def lines_have_origins(
    order_list: dy.DataFrame[Identified], order_list_origin: dy.DataFrame[Identified]
) -> pl.DataFrame:
    """Find order lines of which nobody could say where they were read, and origins of lines that are not there."""
    lines = order_list.with_columns(found_in=pl.lit("order_list"))
    origins = order_list_origin.with_columns(found_in=pl.lit("order_list_origin"))
    key = "record_uuid"
    alone = [lines.join(origins, on=key, how="anti"), origins.join(lines, on=key, how="anti")]
    return pl.concat(alone).with_columns(pl.col(key).bin.encode("hex"))
