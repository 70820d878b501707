"""Events on their way out: the sequencer, and the sinks that consume the feed."""
