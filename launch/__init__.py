"""The composition root: it alone knows all rooms, puts their parts together and runs them as processes."""
