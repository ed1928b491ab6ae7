"""Choosing a tracer and telling whether it can work here."""
