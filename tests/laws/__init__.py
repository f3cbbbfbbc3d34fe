"""The laws of the house, as tests: what keeps a newcomer's change in the right room."""
