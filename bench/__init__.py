"""The benchmarks: a bare nginx proxy and this gateway in front of one upstream, on one machine, in one run."""
