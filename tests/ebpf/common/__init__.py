"""What the tests of the eBPF tracer's Python side share."""
