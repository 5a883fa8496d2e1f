"""What goes inside the isolation, copied whole; it imports nothing else of ours."""
