"""What goes inside the isolation, copied whole; it imports nothing else of ours.

These modules share a process with student code, which may replace what `builtins`
holds. A function looks its builtins up in the dict that its module calls
``__builtins__`` when the function is made. So each module begins with a copy of its own
under that name, and honest code that sets ``builtins.len = None`` breaks only itself.
"""
