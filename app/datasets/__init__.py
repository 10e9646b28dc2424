"""Files to panels and back: long-form input, quality report, immutable snapshots, cached periods."""
