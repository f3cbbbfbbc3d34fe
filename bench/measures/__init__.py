"""One file for each thing that is measured; each has `measure(...)` and says what it found as a dataclass."""
