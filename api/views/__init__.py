"""How things are shown: one file a noun, one table of fields where versions or eyes differ."""
