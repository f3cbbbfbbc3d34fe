"""What the operations of the HTTP API take and answer, as types: one file per resource, read by `api/document.py` alone.

Nothing here runs on a request's way: the use cases check what they are given, and tests hold their answers to these types.
"""
