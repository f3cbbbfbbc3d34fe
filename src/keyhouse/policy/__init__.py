"""May this call happen: the gate between a request and an upstream."""
