"""Contracts, one file a service, and the wire that carries them.

Services never import each other; they meet here. A contract is declared once; the caller's proxy, the check of the
endpoint that answers and the page in doc/ all come from that one declaration.
"""
