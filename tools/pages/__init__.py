"""The generated pages, one file a page; generate_docs.py writes them."""
