"""The ingest stage: every file of a source through the gate and into the store, by several processes."""
