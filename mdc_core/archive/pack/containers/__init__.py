"""The files that a pack can be: zip, tar and 7z."""
