"""A live feed: what is asked of it, what its codec says, and its mock server."""
