"""What a study remembers: the truth in a database, checkpoints as a cache, files that appear whole."""
