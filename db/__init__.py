"""The only room that knows SQL: one file a noun, functions that take a transaction, typed rows out.

State and what belongs to it change in one transaction; a compare-and-swap is one UPDATE with its condition and a
row count (spec 9.4). Statements are built once, at import or at first use, because building costs more than running.
"""
