"""What roar costs: `python -m bench`."""
