"""Random sagas: random suppliers, a fifth of the calls in trouble, workers killed (G2)."""
