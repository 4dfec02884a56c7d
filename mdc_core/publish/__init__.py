"""Driving a Sink: batches with tokens, acknowledgement, retries."""
