"""Keeping an archive: compaction, retention, tiers, migrations, advice."""
