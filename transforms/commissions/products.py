"""Products, their codes and their plans."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["Plans", "ProductCodes", "Products"]


class Products(dy.Schema):
    """A product of certificates or of schedules; ``id`` is its code."""

    id = dy.String(primary_key=True)
    product_code = dy.String(nullable=False)
    product_name = dy.String(nullable=False)
    master_category = dy.String(nullable=True)
    category = dy.String(nullable=True)
    commission_type = dy.String(nullable=True)
    off_group_letter_description = dy.String(nullable=True)
    series_type = dy.String(nullable=True)
    special_offer = dy.String(nullable=True)


class ProductCodes(dy.Schema):
    """Where a product code is used; a code stands here once, whatever categories it was found in.

    ``product_category`` is the category of the product, ``categories`` all that it was found in and ``allowed_states``
    the states of its certificates, both sorted and separated by commas.
    """

    code = dy.String(primary_key=True)
    product_category = dy.String(nullable=True)
    categories = dy.String(nullable=True)
    allowed_states = dy.String(nullable=True)
    groups_count = dy.Int32(nullable=False)
    schedules_count = dy.Int32(nullable=False)


class Plans(dy.Schema):
    """A plan of a product; ``id`` is ``<product>-<plan>``."""

    id = dy.String(primary_key=True)
    product_code = dy.String(nullable=False)
    plan_code = dy.String(nullable=False)
    plan_name = dy.String(nullable=False)
