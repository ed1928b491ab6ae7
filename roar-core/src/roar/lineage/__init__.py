"""Questions about the record: what a reference means, how a session's steps hang together, which of them are stale."""
