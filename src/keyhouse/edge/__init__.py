"""The data plane: bytes in, bytes out, one event loop. No SQL, and no parsing that a request does not need."""
