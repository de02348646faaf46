"""A study: from its description to a tested result."""
