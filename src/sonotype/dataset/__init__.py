"""From folders of recordings to split, cached, batched clips."""
