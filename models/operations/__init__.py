"""What operators watch: invariants, reconciliations, reports, retention."""
