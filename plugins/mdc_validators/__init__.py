"""Validators: each gives a judgement."""
