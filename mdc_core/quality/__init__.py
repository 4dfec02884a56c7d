"""The engine that runs checks over a stream."""
