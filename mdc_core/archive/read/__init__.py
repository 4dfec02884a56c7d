"""From files to events: snapshots, tails, lineage."""
