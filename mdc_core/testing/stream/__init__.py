"""What a stream and its sandbox are held to: transcripts, a round trip, damage."""
