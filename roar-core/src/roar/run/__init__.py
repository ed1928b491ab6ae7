"""The life of one run: plan, journal, launch, collect, fold, hash, verdict, record, recover."""
