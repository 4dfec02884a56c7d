"""What a stream and its mock server are held to: transcripts, a round trip, damage."""
