"""The capture suite: hundreds of commands with inputs and outputs that are true by construction, for every tracer.

`roar.testing.CaptureContract` runs them; a case is in `tables/` by its subject, the programs that the system lacks in
`programs/`.  What a tracer must record of a case follows from what it says that it can see.
"""
