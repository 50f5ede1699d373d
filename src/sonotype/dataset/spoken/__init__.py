"""The demo's data: words spoken by a synthesiser, with its library and its speakers."""
