"""What makes it a simulator: time, chance, faults, stages and the journal, injected into whoever needs them."""
