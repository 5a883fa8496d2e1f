"""Who is in the class: tables that learning platforms give, and the roster."""
