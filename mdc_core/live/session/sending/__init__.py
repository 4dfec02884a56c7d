"""What a session sends: in the pace that the vendor allows, and not too often again."""
