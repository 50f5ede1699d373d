"""Learning from a network that already knows sound: embeddings, heads, the choice."""
