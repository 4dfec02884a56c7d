"""Raw frames: recorded by a feed, and what is made of them later."""
