"""What the documentation says is run, followed and compared."""
