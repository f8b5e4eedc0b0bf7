"""Invented workbooks with known answers, and the measurements made on them."""
